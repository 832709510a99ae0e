"""Where volume was traded: VWAP of a session and from an anchor, with bands, and the volume profile."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, VOLUME, Doubles, Feature, Output, Param, Params, window
from strategies.features.sessions import SESSION_PARAMS, session_of
from strategies.features.windows import filled, largest, push, ring_size, smallest, total

_SECOND_NS = 1_000_000_000
_TIE = 1e-9  # volumes closer than this are one volume: they differ only by how the sums were rounded


def _vwap_session(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: volume, mean, squares around the mean; bars seen (0 or 1), session
    session = session_of(ts_ns, params, 1)
    if state[3] == 0.0 or session != state[4]:
        state[0] = state[1] = state[2] = 0.0
        state[3] = 1.0
        state[4] = session
    _weigh(bar, state)
    _bands(params[0], state, out)


def _vwap_anchored(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: volume, mean, squares around the mean
    if ts_ns > int(params[1]) * _SECOND_NS or params[1] == 0.0:
        _weigh(bar, state)
    _bands(params[0], state, out)


@inline
def _weigh(bar: Doubles, state: Doubles) -> None:
    # West (1979): mean and squares are updated in place, so equal prices leave the squares at exactly 0
    volume = bar[VOLUME]
    if volume == 0.0:
        return
    state[0] += volume
    above = (bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0 - state[1]
    state[1] += above * (volume / state[0])
    state[2] += volume * above * ((bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0 - state[1])


@inline
def _bands(deviations: float, state: Doubles, out: Doubles) -> None:
    if state[0] > 0.0:
        reach = deviations * math.sqrt(max(state[2] / state[0], 0.0))
        out[0] = state[1]
        out[1] = state[1] + reach
        out[2] = state[1] - reach
    else:
        out[0] = out[1] = out[2] = NAN


def _volume_profile(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: rings of highs, lows, volumes; steps of volume at the bins' edges, then volume per bin
    bars, bins = int(params[0]), int(params[1])
    size = ring_size(bars)
    start = push(state, 0, bars, bar[HIGH])
    push(state, size, bars, bar[LOW])
    push(state, 2 * size, bars, bar[VOLUME])
    out[0] = out[1] = out[2] = NAN
    if not filled(state, 0, bars):
        return
    volume = total(state, start + 2 * size, bars)
    if volume == 0.0:
        return
    top = largest(state, start, bars)
    bottom = smallest(state, start + size, bars)
    if top <= bottom:
        out[0] = out[1] = out[2] = bottom
        return
    width = (top - bottom) / bins
    profile = 3 * size
    _spread(state, start, size, bars, profile, bins, bottom, width)
    point = _most_traded(state, profile, bins)
    first = last = point
    held = state[profile + point]
    while held < params[2] * volume * (1.0 - _TIE) and last - first + 1 < bins:
        below = state[profile + first - 1] if first > 0 else -1.0
        above = state[profile + last + 1] if last < bins - 1 else -1.0
        equal = abs(above - below) <= _TIE * below
        if (last + 1 - point <= point - first + 1) if equal else above > below:
            last += 1
            held += above
        else:
            first -= 1
            held += below
    out[0] = bottom + (point + 0.5) * width
    out[1] = bottom + (last + 1.0) * width
    out[2] = bottom + first * width


@inline
def _spread(
    state: Doubles, start: int, size: int, bars: int, profile: int, bins: int, bottom: float, width: float
) -> None:
    steps = profile + bins
    for index in range(bins):
        state[profile + index] = 0.0
        state[steps + index] = 0.0
    for index in range(start, start + bars):
        volume = state[index + 2 * size]
        low = max((state[index + size] - bottom) / width, 0.0)
        high = min((state[index] - bottom) / width, float(bins))
        low_bin = min(int(low), bins - 1)
        high_bin = min(int(high), bins - 1)
        if low_bin >= high_bin:
            state[profile + low_bin] += volume
            continue
        # whole bins between the two ends get equal shares: a step up at the first of them and down after the last
        share = volume / (high - low)
        state[profile + low_bin] += share * (low_bin + 1.0 - low)
        state[profile + high_bin] += share * (high - high_bin)
        if low_bin + 1 < high_bin:
            state[steps + low_bin + 1] += share
            state[steps + high_bin] -= share
    whole = 0.0
    for index in range(bins):
        whole += state[steps + index]
        state[profile + index] += max(whole, 0.0)


@inline
def _most_traded(state: Doubles, profile: int, bins: int) -> int:
    # from the middle outwards, so that of equal bins the one nearest to the middle is taken
    best = (bins - 1) // 2
    for distance in range(1, bins):
        for side in range(2):
            index = (bins - 1) // 2 + (distance if side == 0 else -distance)
            if 0 <= index < bins and state[profile + index] > state[profile + best] * (1.0 + _TIE):
                best = index
    return best


def _profile_size(p: Params) -> float:
    return 3 * ring_size(p["window"]) + 2 * p["bins"]


_DEVIATIONS = Param(name="deviations", default=1.0, low=0.1, high=10.0, meaning="standard deviations to each band")
_VWAP = "vwap = sum of t * volume / sum of volume, t = (high + low + close) / 3; upper, lower = vwap +- deviations * "
_VWAP_OUTPUTS = (Output("vwap", "price"), Output("upper", "price"), Output("lower", "price"))
_BERKOWITZ = (
    "Berkowitz, Logue and Noser (1988), The Total Cost of Transactions on the NYSE, Journal of Finance 43(1), 97-112"
)

FEATURES = (
    Feature(
        name="vwap_session",
        family="volume",
        summary="Volume-weighted average price since the session began, and deviations above and below it.",
        formula=_VWAP + "sqrt(sum of volume * (t - vwap)^2 / sum of volume), over the bars of the session so far.",
        params=(_DEVIATIONS, *SESSION_PARAMS),
        outputs=_VWAP_OUTPUTS,
        warmup=lambda _: (1, 1, 1),
        state_size=lambda _: 5,
        kernel=_vwap_session,
        flat="all three on the price",
        source=_BERKOWITZ,
        compared="the slow reference only; the anchored form, of the same sums, with Stock Indicators vwap.csv",
        differences="Sessions are UTC days, or any number of hours; a bar belongs to the session it lies in, so the "
        "bar that closes at midnight ends the day. The first session may be incomplete.",
        absent="While the session holds no volume.",
    ),
    Feature(
        name="vwap_anchored",
        family="volume",
        summary="Volume-weighted average price from one moment on, and deviations above and below it.",
        formula=_VWAP + "sqrt(sum of volume * (t - vwap)^2 / sum of volume), over the bars that close after `anchor`.",
        params=(
            _DEVIATIONS,
            Param(
                name="anchor",
                default=0,
                low=0,
                high=4_102_444_800,
                meaning="seconds from 1970-01-01 UTC; 0 is the first bar of the history",
            ),
        ),
        outputs=_VWAP_OUTPUTS,
        warmup=lambda _: (1, 1, 1),
        state_size=lambda _: 3,
        kernel=_vwap_anchored,
        flat="all three on the price",
        source=_BERKOWITZ + "; anchored: Shannon (2022), Maximum Trading Gains with Anchored VWAP",
        compared="Stock Indicators vwap.csv (1e-9)",
        differences="none",
        absent="Before the anchor, and until there is volume after it.",
    ),
    Feature(
        name="volume_profile",
        family="volume",
        summary="Volume profile of the recent bars: the price most traded at, and where most of the volume lies.",
        formula="The range of the last `window` bars is cut into `bins`; each bar's volume is spread evenly over its "
        "own range. poc = middle of the bin with the most volume, of equals the one nearest to the middle of the "
        "range. From it the value area takes the larger of the two neighbouring bins, of equals the one nearer to the "
        "poc, until it holds `share` of the volume; high and low are its edges. Of two as near the upper is taken.",
        params=(
            window(100, "bars in the profile", low=1),
            Param(name="bins", default=24, low=2, high=500, meaning="prices told apart"),
            Param(name="share", default=0.7, low=0.05, high=0.99, meaning="of the volume within the value area"),
        ),
        outputs=(Output("poc", "price"), Output("high", "price"), Output("low", "price")),
        warmup=lambda p: (p["window"],) * 3,
        state_size=_profile_size,
        kernel=_volume_profile,
        flat="all three on the price",
        source="Steidlmayer and Koy (1986), Markets and Market Logic; value area of 70 %: CBOT (1991), Market Profile",
        compared="No published values; slow reference in the tests",
        differences="From bars, not from trades: within a bar every price is taken to be equally traded. The value "
        "area grows by single bins; the CBOT manual compares pairs of them.",
        absent="While the window holds no volume.",
    ),
)
