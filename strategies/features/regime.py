"""Changes of regime from returns alone: cumulative sums, online change points, switching volatility."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, Param, Params, window
from strategies.features.windows import filled, lift, newest, push, ring_size, variance

_NS = 1_000_000_000
_STILL = 1e-12  # a deviation of log returns below this is rounding of prices, not movement


def _cusum(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), sums up and down, the bars where each was last zero, last alarm: both times;
    # ring of returns
    ring = 7
    bars, slack, threshold = int(params[0]), params[1], params[2]
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = out[2] = out[3] = out[4] = NAN
    if before == 0.0:
        return
    now = ts_ns // _NS + 1e-9 * (ts_ns % _NS)
    change = math.log(bar[CLOSE] / before)
    if filled(state, ring, bars):
        start = newest(state, ring)
        lifted = lift(state, start, bars)
        deviation = math.sqrt(variance(state, start, bars, lifted))
        surprise = 0.0 if deviation < _STILL else (change - state[start] - lifted) / deviation
        out[0] = _accumulate(state, 1, now, surprise - slack)
        out[1] = _accumulate(state, 2, now, -surprise - slack)
        out[2] = 0.0
        if out[0] > threshold or out[1] > threshold:
            out[2] = 1.0 if out[0] > out[1] else -1.0
            state[5], state[6] = state[3] if out[2] > 0.0 else state[4], now
            state[1] = state[2] = 0.0
        if state[6] != 0.0:
            out[3], out[4] = state[5], state[6]
    push(state, ring, bars, change)


@inline
def _accumulate(state: Doubles, at: int, now: float, step: float) -> float:
    if state[at] == 0.0:
        state[at + 2] = now  # the first bar that counts, should this one do
    state[at] = max(0.0, state[at] + step)
    return state[at]


def _change_point(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), returns so far up to `longest`, then for each run length 0 ... longest:
    # its probability, mean, half the sum of squares, and the constant of its predictive density
    longest, recent, prior = int(params[1]), int(params[2]), 0.5 * params[3] * params[3]
    runs = longest + 1
    chance, center, spread, scale = 2, 2 + runs, 2 + 2 * runs, 2 + 3 * runs
    before = state[0]
    state[0] = bar[CLOSE]
    if before == 0.0:
        state[chance] = 1.0
        state[spread] = prior
        for run in range(runs):
            alpha = 1.0 + 0.5 * run
            state[scale + run] = math.exp(math.lgamma(alpha + 0.5) - math.lgamma(alpha)) / math.sqrt(math.pi)
        out[0] = out[1] = out[2] = NAN
        return
    change = math.log(bar[CLOSE] / before)
    hazard = 1.0 / params[0]
    reached = int(state[1])
    state[1] = min(reached + 1.0, longest)
    # from the longest run down, so that each can hand its figures to the next longer one
    fresh = stays = 0.0
    for back in range(reached + 1):
        run = reached - back
        kappa, alpha = 1.0 + run, 1.0 + 0.5 * run
        distance = change - state[center + run]
        grown = state[spread + run] + 0.5 * distance * distance * kappa / (kappa + 1.0)
        # Student's t density of the return; its bracket is how the sum of squares grows
        width = 2.0 * state[spread + run] * (kappa + 1.0) / kappa
        density = (
            state[scale + run] * math.exp((alpha + 0.5) * math.log(state[spread + run] / grown)) / math.sqrt(width)
        )
        joint = state[chance + run] * density
        fresh += hazard * joint
        if run == longest:
            stays = joint  # it stays in the last place, which stands for this length and all beyond
        else:
            state[chance + run + 1] = (1.0 - hazard) * (joint + (stays if run == longest - 1 else 0.0))
            state[center + run + 1] = state[center + run] + distance / (kappa + 1.0)
            state[spread + run + 1] = grown
    state[chance], state[center], state[spread] = fresh, 0.0, prior
    _summarise(state, chance, int(state[1]) + 1, recent, out)


@inline
def _summarise(state: Doubles, chance: int, runs: int, recent: int, out: Doubles) -> None:
    whole = near = expected = 0.0
    likeliest = 0
    for run in range(runs):
        part = state[chance + run]
        whole += part
        expected += run * part
        if run <= recent:
            near += part
        if part > state[chance + likeliest]:
            likeliest = run
    for run in range(runs):
        state[chance + run] /= whole
    out[0] = NAN if runs <= recent + 1 else near / whole
    out[1] = expected / whole
    out[2] = likeliest


def _markov_volatility(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), probability of turbulence given the returns so far
    calm, wild, calm_stays, wild_stays = params[0], params[1], params[2], params[3]
    before = state[0]
    state[0] = bar[CLOSE]
    if before == 0.0:
        # before any return: the share of time spent there
        state[1] = (1.0 - calm_stays) / (2.0 - calm_stays - wild_stays)
        out[0] = out[1] = NAN
        return
    change = math.log(bar[CLOSE] / before)
    expected = _next_turbulence(state[1], calm_stays, wild_stays)
    # odds rather than densities, which both vanish on a large return
    odds = (1.0 - expected) / expected * wild / calm
    gap = 0.5 * change * change * (1.0 / (calm * calm) - 1.0 / (wild * wild))
    state[1] = 1.0 / (1.0 + odds * math.exp(-gap))
    ahead = _next_turbulence(state[1], calm_stays, wild_stays)
    out[0] = state[1]
    out[1] = math.sqrt((1.0 - ahead) * calm * calm + ahead * wild * wild)


@inline
def _next_turbulence(now: float, calm_stays: float, wild_stays: float) -> float:
    return now * wild_stays + (1.0 - now) * (1.0 - calm_stays)


def _ordered(p: Params) -> str:
    return "" if p["calm"] < p["turbulent"] else f"need calm < turbulent, were {p['calm']} and {p['turbulent']}"


def _recent_below_longest(p: Params) -> str:
    return "" if p["recent"] < p["longest"] else f"need recent < longest, were {p['recent']} and {p['longest']}"


def _stay(name: str, default: float) -> Param:
    return Param(name=name, default=default, low=0.01, high=0.9999, meaning="chance that the state lasts another bar")


FEATURES = (
    Feature(
        name="cusum",
        family="regime",
        summary="Two-sided cumulative sums of standardised returns: alarms when the mean has shifted.",
        formula="z = (log return - mean) / population deviation, both of the `window` returns before it; up = "
        "max(0, up + z - slack), down = max(0, down - z - slack). alarm = 1 when up, -1 when down exceeds "
        "the threshold; both start anew on the next bar. pivot_ts = the first bar of the run that led to "
        "the last alarm.",
        params=(
            window(100, "returns that say what is usual", low=10),
            Param(name="slack", default=0.5, low=0.0, high=5.0, meaning="deviations a return may be off for nothing"),
            Param(name="threshold", default=5.0, low=0.5, high=100.0, meaning="deviations that give the alarm"),
        ),
        outputs=(
            Output("up", "standard deviations"),
            Output("down", "standard deviations"),
            Output("alarm", "1 up, -1 down, 0 none"),
            Output("pivot_ts", "s since 1970, close of the bar where the shift began"),
            Output("confirmed_ts", "s since 1970, close of the bar of the alarm"),
        ),
        warmup=lambda p: (p["window"] + 2,) * 5,
        state_size=lambda p: 7 + ring_size(p["window"]),
        kernel=_cusum,
        flat="sums and alarm 0",
        absent="pivot_ts and confirmed_ts, before the first alarm",
        source="Page (1954), Continuous Inspection Schemes, Biometrika 41, 100-115; Montgomery (2013), Statistical "
        "Quality Control, ch. 9",
        compared="Run length without a shift: 465 published for slack 0.5, threshold 5 and known mean and deviation "
        "(Montgomery); measured in the tests",
        differences="Mean and deviation are estimated from the window, so alarms without a shift are more "
        "frequent than published: one in about 390 bars of independent normal returns with the defaults, "
        "one in about 460 with a window of 2,000.",
    ),
    Feature(
        name="change_point",
        family="regime",
        summary="Bayesian online change points: how long the returns have come from one distribution.",
        formula="Run length posterior of Adams and MacKay with a constant hazard 1 / expected_run and normal "
        "returns of unknown mean and variance (prior: mean 0, kappa 1, alpha 1, beta volatility^2 / 2). "
        "Runs of `longest` and more share one place, whose predictive uses the newest `longest` returns. "
        "recent = chance that the run is at most `recent` returns old; expected and likeliest run length.",
        params=(
            Param(name="expected_run", default=200.0, low=2.0, high=1e6, meaning="returns between two changes"),
            window(100, "run length beyond which runs are not told apart", name="longest", low=10),
            window(10, "returns that count as recent", name="recent", low=1),
            Param(name="volatility", default=0.01, low=1e-6, high=1.0, meaning="usual deviation of a bar's log return"),
        ),
        outputs=(
            Output("recent", "probability"),
            Output("expected", "returns"),
            Output("likeliest", "returns"),
        ),
        warmup=lambda p: (p["recent"] + 2, 2, 2),
        state_size=lambda p: 2 + 4 * (p["longest"] + 1),
        kernel=_change_point,
        flat="run lengths grow to `longest`",
        source="Adams and MacKay (2007), Bayesian Online Changepoint Detection, arXiv:0710.3742; Murphy (2007), "
        "Conjugate Bayesian analysis of the Gaussian distribution, section 3",
        compared="No published values; slow reference in the tests, planted changes",
        differences="The paper lets runs grow for ever, with the cost of a bar; here they are bounded. On independent "
        "normal returns `recent` rises above one half once in about 1,200 bars with the defaults, though "
        "the prior expects a change in every 200.",
        requires=_recent_below_longest,
    ),
    Feature(
        name="markov_volatility",
        family="regime",
        summary="Two states of volatility that take turns by chance: how likely it is turbulent, and what is next.",
        formula="Hamilton filter of log returns that are normal with mean 0 and deviation calm or turbulent, the "
        "state a Markov chain, started from its stationary distribution. turbulent = its filtered "
        "probability; volatility = root of the expected variance of the next return.",
        params=(
            Param(name="calm", default=0.005, low=1e-6, high=1.0, meaning="deviation of a return in the calm state"),
            Param(name="turbulent", default=0.02, low=2e-6, high=2.0, meaning="deviation in the turbulent state"),
            _stay("calm_stays", 0.98),
            _stay("turbulent_stays", 0.95),
        ),
        outputs=(Output("turbulent", "probability"), Output("volatility", "fraction per bar")),
        warmup=lambda _: (2, 2),
        state_size=lambda _: 2,
        kernel=_markov_volatility,
        flat="decays to the least probability the chain allows",
        source="Hamilton (1989), A New Approach to the Economic Analysis of Nonstationary Time Series, Econometrica "
        "57, 357-384; Hamilton (1994), Time Series Analysis, ch. 22",
        compared="hmmlearn, the last row of its posterior for every prefix (1e-9); slow reference in the tests",
        differences="Only filtered probabilities: smoothed ones use later bars. `research.training.regimes` fits the "
        "parameters.",
        requires=_ordered,
    ),
)
