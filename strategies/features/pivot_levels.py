"""Pivot points: levels from the period before, by calendar session and rolling, after five methods."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from collections.abc import Callable

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, OPEN, Doubles, Feature, Kernel, Output, Param, window
from strategies.features.sessions import SESSION_PARAMS, session_of
from strategies.features.windows import filled, largest, newest, push, ring_size, smallest

# where every kernel keeps what the levels are made of: the prices of the period before, and this period's open
_OPEN, _HIGH, _LOW, _CLOSE, _OPEN_NOW = range(5)
_REST = 5  # what else the kernel keeps
_SESSION_SIZE = _REST + 6
_BARS_SEEN, _SESSION, _RUNNING_OPEN, _RUNNING_HIGH, _RUNNING_LOW, _RUNNING_CLOSE = range(_REST, _SESSION_SIZE)


@inline
def _session_before(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles) -> bool:
    """Take a bar in; return whether a session lies before its own, whose prices now stand in the state."""
    session = session_of(ts_ns, params, 0)
    if state[_BARS_SEEN] == 0.0 or session != state[_SESSION]:
        # all zero, which no price is, while there is no session before
        state[_OPEN] = state[_RUNNING_OPEN]
        state[_HIGH] = state[_RUNNING_HIGH]
        state[_LOW] = state[_RUNNING_LOW]
        state[_CLOSE] = state[_RUNNING_CLOSE]
        state[_BARS_SEEN] = 1.0
        state[_SESSION] = session
        state[_OPEN_NOW] = bar[OPEN]
        state[_RUNNING_OPEN] = bar[OPEN]
        state[_RUNNING_HIGH] = bar[HIGH]
        state[_RUNNING_LOW] = bar[LOW]
    state[_RUNNING_HIGH] = max(state[_RUNNING_HIGH], bar[HIGH])
    state[_RUNNING_LOW] = min(state[_RUNNING_LOW], bar[LOW])
    state[_RUNNING_CLOSE] = bar[CLOSE]
    return state[_CLOSE] != 0.0


@inline
def _window_before(bar: Doubles, params: Doubles, state: Doubles) -> bool:
    """Take a bar in; return whether a full window lies before it, whose prices now stand in the state."""
    bars = int(params[0])
    kept = bars + int(params[1])
    size = ring_size(kept)
    full = filled(state, _REST, kept)
    if full:
        start = newest(state, _REST)
        state[_OPEN] = state[start]
        state[_HIGH] = largest(state, start + size, bars)
        state[_LOW] = smallest(state, start + 2 * size, bars)
        state[_CLOSE] = state[start + 3 * size + bars - 1]
        state[_OPEN_NOW] = bar[OPEN]
    push(state, _REST, kept, bar[OPEN])
    push(state, _REST + size, kept, bar[HIGH])
    push(state, _REST + 2 * size, kept, bar[LOW])
    push(state, _REST + 3 * size, kept, bar[CLOSE])
    return full


@inline
def _nothing(outputs: int, out: Doubles) -> None:
    for index in range(outputs):
        out[index] = NAN


@inline
def _standard_levels(state: Doubles, out: Doubles) -> None:
    pivot = (state[_HIGH] + state[_LOW] + state[_CLOSE]) / 3.0
    _floor_levels(pivot, state, out)


@inline
def _woodie_levels(state: Doubles, out: Doubles) -> None:
    pivot = (state[_HIGH] + state[_LOW] + 2.0 * state[_OPEN_NOW]) / 4.0
    _floor_levels(pivot, state, out)


@inline
def _floor_levels(pivot: float, state: Doubles, out: Doubles) -> None:
    high, low = state[_HIGH], state[_LOW]
    out[0] = pivot
    out[1] = 2.0 * pivot - low
    out[2] = pivot + (high - low)
    out[3] = high + 2.0 * (pivot - low)
    out[4] = 2.0 * pivot - high
    out[5] = pivot - (high - low)
    out[6] = low - 2.0 * (high - pivot)


@inline
def _fibonacci_levels(state: Doubles, out: Doubles) -> None:
    reach = state[_HIGH] - state[_LOW]
    pivot = (state[_HIGH] + state[_LOW] + state[_CLOSE]) / 3.0
    out[0] = pivot
    out[1] = pivot + 0.382 * reach
    out[2] = pivot + 0.618 * reach
    out[3] = pivot + reach
    out[4] = pivot - 0.382 * reach
    out[5] = pivot - 0.618 * reach
    out[6] = pivot - reach


@inline
def _camarilla_levels(state: Doubles, out: Doubles) -> None:
    reach = 1.1 * (state[_HIGH] - state[_LOW])
    close = state[_CLOSE]
    out[0] = close
    out[1] = close + reach / 12.0
    out[2] = close + reach / 6.0
    out[3] = close + reach / 4.0
    out[4] = close + reach / 2.0
    out[5] = close - reach / 12.0
    out[6] = close - reach / 6.0
    out[7] = close - reach / 4.0
    out[8] = close - reach / 2.0


@inline
def _demark_levels(state: Doubles, out: Doubles) -> None:
    weighed = state[_HIGH] + state[_LOW] + state[_CLOSE]
    if state[_CLOSE] < state[_OPEN]:
        weighed += state[_LOW]
    elif state[_CLOSE] > state[_OPEN]:
        weighed += state[_HIGH]
    else:
        weighed += state[_CLOSE]
    out[0] = weighed / 4.0
    out[1] = weighed / 2.0 - state[_LOW]
    out[2] = weighed / 2.0 - state[_HIGH]


def _session_standard(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _session_before(ts_ns, bar, params, state):
        _standard_levels(state, out)
    else:
        _nothing(7, out)


def _session_fibonacci(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _session_before(ts_ns, bar, params, state):
        _fibonacci_levels(state, out)
    else:
        _nothing(7, out)


def _session_camarilla(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _session_before(ts_ns, bar, params, state):
        _camarilla_levels(state, out)
    else:
        _nothing(9, out)


def _session_woodie(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _session_before(ts_ns, bar, params, state):
        _woodie_levels(state, out)
    else:
        _nothing(7, out)


def _session_demark(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _session_before(ts_ns, bar, params, state):
        _demark_levels(state, out)
    else:
        _nothing(3, out)


def _rolling_standard(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _window_before(bar, params, state):
        _standard_levels(state, out)
    else:
        _nothing(7, out)


def _rolling_fibonacci(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _window_before(bar, params, state):
        _fibonacci_levels(state, out)
    else:
        _nothing(7, out)


def _rolling_camarilla(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _window_before(bar, params, state):
        _camarilla_levels(state, out)
    else:
        _nothing(9, out)


def _rolling_woodie(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _window_before(bar, params, state):
        _woodie_levels(state, out)
    else:
        _nothing(7, out)


def _rolling_demark(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    if _window_before(bar, params, state):
        _demark_levels(state, out)
    else:
        _nothing(3, out)


_WHAT = "H, L, C, O: the high, low, close and open of "
_PERSON = "Person (2004), A Complete Guide to Technical Trading Tactics, ch. 6"
_CSV = "Stock Indicators pivot-points.csv, its months being the sessions (1e-9)"
_STATED = "The values Stock Indicators states for its sample series (printed digits)"
_AS_SESSION = "The session feature, where the window is a session (1e-12)"

type _Method = tuple[str, str, int, str, Kernel, Kernel, str]

# name, formula, levels a side, source, session and rolling kernels, compared
_METHODS: tuple[_Method, ...] = (
    (
        "standard",
        "pivot = (H + L + C) / 3; r1 = 2 pivot - L, r2 = pivot + H - L, r3 = H + 2 (pivot - L); s1 = 2 pivot - H, "
        "s2 = pivot - (H - L), s3 = L - 2 (H - pivot)",
        3,
        _PERSON,
        _session_standard,
        _rolling_standard,
        _CSV,
    ),
    (
        "fibonacci",
        "pivot = (H + L + C) / 3; r1, r2, r3 and s1, s2, s3 = pivot +- 0.382, 0.618 and 1 times (H - L)",
        3,
        _PERSON,
        _session_fibonacci,
        _rolling_fibonacci,
        _STATED,
    ),
    (
        "camarilla",
        "pivot = C; r1 to r4 and s1 to s4 = C +- 1.1 (H - L) / 12, 6, 4 and 2",
        4,
        "Scott (1989), Camarilla equation; Ochoa (2010), Secrets of a Pivot Boss, ch. 6",
        _session_camarilla,
        _rolling_camarilla,
        _STATED,
    ),
    (
        "woodie",
        "pivot = (H + L + 2 open now) / 4, the open of the current period; the levels as in the standard method",
        3,
        "Wood (Woodie's CCI Club), after Ochoa (2010), Secrets of a Pivot Boss, ch. 6",
        _session_woodie,
        _rolling_woodie,
        _STATED,
    ),
    (
        "demark",
        "X = H + L + C, and once more L where C < O, H where C > O, C where they are equal; pivot = X / 4, "
        "r1 = X / 2 - L, s1 = X / 2 - H",
        1,
        "DeMark (1994), The New Science of Technical Analysis, ch. 9",
        _session_demark,
        _rolling_demark,
        _STATED,
    ),
)


def _outputs(levels: int) -> tuple[Output, ...]:
    names = ["pivot", *(f"{side}{level}" for side in "rs" for level in range(1, levels + 1))]
    return tuple(Output(name, "price") for name in names)


def _by_session(method: _Method) -> Feature:
    name, formula, levels, source, kernel, _, compared = method
    return Feature(
        name=f"pivots_{name}",
        family="structure",
        summary=f"Pivot point, supports and resistances of the session before ({name}).",
        formula=f"{_WHAT}the session before: {formula}.",
        params=SESSION_PARAMS,
        outputs=_outputs(levels),
        warmup=_constant(2, 1 + 2 * levels),
        state_size=lambda _: _SESSION_SIZE,
        kernel=kernel,
        flat="every level on the price",
        source=source,
        compared=compared,
        differences="Sessions are UTC days, or any number of hours. The first session counts even if the history "
        "begins within it; a session without bars is skipped.",
        absent="In the first session.",
    )


def _over_window(method: _Method) -> Feature:
    name, formula, levels, source, _, kernel, _ = method
    differences = "The current bar is left out, so that it can cross a level; open now is the current bar's open."
    compared = f"{_STATED}; {_AS_SESSION[0].lower()}{_AS_SESSION[1:]}"
    if name == "demark":
        compared = _AS_SESSION
        differences += (
            " O is the window's own open, as DeMark has it; Stock Indicators compares C with the current bar's open in "
            "its rolling form, and with the period's own in its calendar form."
        )
    return Feature(
        name=f"rolling_pivots_{name}",
        family="structure",
        summary=f"Pivot point, supports and resistances of the bars before ({name}).",
        formula=f"{_WHAT}the `window` bars that end `offset` bars before the current one begins: {formula}.",
        params=(
            window(20, "bars in the period", low=1),
            Param(name="offset", default=0, low=0, high=5000, meaning="bars left out before the current one"),
        ),
        outputs=_outputs(levels),
        warmup=lambda p: (p["window"] + p["offset"] + 1,) * (1 + 2 * levels),
        state_size=lambda p: _REST + 4 * ring_size(p["window"] + p["offset"]),
        kernel=kernel,
        flat="every level on the price",
        source=source,
        compared=compared,
        differences=differences,
    )


def _constant(bars: int, outputs: int) -> Callable[..., tuple[int, ...]]:
    return lambda _: (bars,) * outputs


FEATURES = (*(_by_session(method) for method in _METHODS), *(_over_window(method) for method in _METHODS))
