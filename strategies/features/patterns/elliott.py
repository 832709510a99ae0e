"""Elliott waves: counts over confirmed pivots that keep the three rules and whose waves stand in Fibonacci ratios."""

# A count of falling waves is one of rising waves upside down: prices are multiplied by `side`, so that an impulse
# rises and a correction falls in all formulas. `point(n)` of a count is its n-th pivot, 0 the first.

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param
from strategies.features.patterns.elliott_waves import (
    CORRECTION_TARGETS,
    DEGREE_FROM_S,
    EQUALITY,
    FIFTH_TARGETS,
    FLAT_B,
    FLAT_C,
    RESUMPTION_TARGETS,
    RETRACEMENT,
    WAVE_3,
    WAVE_4,
    Wave,
)
from strategies.features.patterns.pivots import (
    KEPT,
    PIVOT_PARAMS,
    PIVOTS_SIZE,
    confirmed,
    copy_pivots,
    pivot,
    pivots_require,
    pivots_warmup,
    seconds_between,
    turn,
)

_COMPLEX = int(Wave.COMPLEX)
_IMPULSE = int(Wave.IMPULSE)
_IMPULSE_TO_4 = int(Wave.IMPULSE_TO_4)
_ZIGZAG = int(Wave.ZIGZAG)
_FLAT = int(Wave.FLAT)

PIVOTS_OF: tuple[int, ...] = (0, 12, 6, 5, 4, 4)
"""Pivots a count is made of, by the number of the wave."""

_TOLERANCE = len(PIVOT_PARAMS)
_MISFITS = _TOLERANCE + 1


@inline
def _misfit(ratio: float, wanted: tuple[float, ...], tolerance: float) -> int:
    """Return 0 if the ratio lies within the tolerance of one wanted, else 1."""
    for each in wanted:
        if abs(ratio - each) <= tolerance * each:
            return 0
    return 1


@inline
def impulse_misfits(
    p0: float, p1: float, p2: float, p3: float, p4: float, p5: float, done: bool, tolerance: float
) -> int:
    """
    Return how many waves of a rising impulse lack a Fibonacci ratio; 9 if a rule is broken.

    The rules (Frost and Prechter): wave 2 never goes beyond the start of wave 1; wave 3 is never the shortest of 1, 3
    and 5; wave 4 never enters the price territory of wave 1, its end included. `p5` counts only if `done`.
    """
    first, third, fifth = p1 - p0, p3 - p2, p5 - p4
    if p2 < p0 or p4 <= p1:
        return 9
    if done and third < first and third < fifth:
        return 9
    misfits = _misfit((p1 - p2) / first, RETRACEMENT, tolerance)
    misfits += _misfit(third / first, WAVE_3, tolerance)
    misfits += _misfit((p3 - p4) / third, WAVE_4, tolerance)
    if done:
        misfits += _misfit(fifth / first, EQUALITY, tolerance)
    return misfits


@inline
def zigzag_misfits(p0: float, p1: float, p2: float, p3: float, tolerance: float) -> int:
    """Return how many waves of a falling zigzag lack a Fibonacci ratio; 9 unless B stays within A and C ends beyond."""
    if p2 >= p0 or p3 >= p1:
        return 9
    first = p0 - p1
    return _misfit((p2 - p1) / first, RETRACEMENT, tolerance) + _misfit((p2 - p3) / first, EQUALITY, tolerance)


@inline
def flat_misfits(p0: float, p1: float, p2: float, p3: float, tolerance: float) -> int:
    """Return how many waves of a falling flat lack a Fibonacci ratio; 9 unless B comes back to the start of A."""
    first = p0 - p1
    if p2 - p1 < (1.0 - tolerance) * first:
        return 9
    return _misfit((p2 - p1) / first, FLAT_B, tolerance) + _misfit((p2 - p3) / first, FLAT_C, tolerance)


@inline
def _three_legs(p0: float, p1: float, p2: float, p3: float) -> bool:
    return p2 < p0 and p3 < p1


@inline
def complex_misfits(state: Doubles, side: float, tolerance: float) -> int:
    """
    Return how many waves of a falling W-X-Y-X-Z lack a Fibonacci ratio; 9 unless it is one.

    Twelve pivots, eleven legs: W, Y and Z are three legs each, B within A and C beyond A; each X stays below the
    start of the three before it.
    """
    for start in range(0, 9, 4):
        if not _three_legs(
            side * pivot(state, 0, 11 - start),
            side * pivot(state, 0, 10 - start),
            side * pivot(state, 0, 9 - start),
            side * pivot(state, 0, 8 - start),
        ):
            return 9
    start_w, end_w = side * pivot(state, 0, 11), side * pivot(state, 0, 8)
    start_y, end_y = side * pivot(state, 0, 7), side * pivot(state, 0, 4)
    start_z, end_z = side * pivot(state, 0, 3), side * pivot(state, 0, 0)
    if start_y >= start_w or start_z >= start_y:
        return 9
    w, y, z = start_w - end_w, start_y - end_y, start_z - end_z
    misfits = _misfit((start_y - end_w) / w, RETRACEMENT, tolerance) + _misfit(y / w, EQUALITY, tolerance)
    return misfits + _misfit((start_z - end_y) / y, RETRACEMENT, tolerance) + _misfit(z / y, EQUALITY, tolerance)


@inline
def _side(wave: int, turned: int) -> float:
    """Return what turns the prices of a count that ends at the newest pivot the right way up."""
    return float(turned) if wave == _IMPULSE else -float(turned)


@inline
def _misfits(wave: int, state: Doubles, turned: int, tolerance: float) -> int:
    """Return how many waves of the count that ends at the newest pivot lack a ratio; 9 if there is no such count."""
    if confirmed(state, 0) < PIVOTS_OF[wave]:
        return 9
    side = _side(wave, turned)
    if wave == _COMPLEX:
        return complex_misfits(state, side, tolerance)
    # the newest six pivots, the newest last
    p0, p1, p2 = side * pivot(state, 0, 5), side * pivot(state, 0, 4), side * pivot(state, 0, 3)
    p3, p4, p5 = side * pivot(state, 0, 2), side * pivot(state, 0, 1), side * pivot(state, 0, 0)
    if wave == _IMPULSE:
        return impulse_misfits(p0, p1, p2, p3, p4, p5, True, tolerance)
    if wave == _IMPULSE_TO_4:
        return impulse_misfits(p1, p2, p3, p4, p5, 0.0, False, tolerance)
    if wave == _ZIGZAG:
        return zigzag_misfits(p2, p3, p4, p5, tolerance)
    return flat_misfits(p2, p3, p4, p5, tolerance)


COUNT_SIZE = 7
"""Words of a count: direction of the move expected, degree, invalidation, three targets, misfits."""


@inline
def _write_count(wave: int, misfits: int, state: Doubles, turned: int, words: Doubles, to: int) -> None:
    side = _side(wave, turned)
    end = side * pivot(state, 0, 0)
    start = side * pivot(state, 0, PIVOTS_OF[wave] - 1)
    seconds = seconds_between(state, 0, PIVOTS_OF[wave] - 1)
    degree = 1.0
    for border in DEGREE_FROM_S:
        if seconds >= border:
            degree += 1.0
    words[to] = -side if wave == _IMPULSE else side
    words[to + 1] = degree
    # beyond this price the count is void: the territory of wave 1, or the end of what is said to be complete
    words[to + 2] = pivot(state, 0, 3) if wave == _IMPULSE_TO_4 else pivot(state, 0, 0)
    for target in range(3):
        if wave == _IMPULSE_TO_4:
            level = end + FIFTH_TARGETS[target] * (side * pivot(state, 0, 3) - start)
        elif wave == _IMPULSE:
            level = end - CORRECTION_TARGETS[target] * (end - start)
        else:
            level = end + RESUMPTION_TARGETS[target] * (start - end)
        words[to + 3 + target] = side * level
    words[to + 6] = misfits


_WAVE = PIVOTS_SIZE
_COUNT = _WAVE + 1
_BARS = _COUNT + COUNT_SIZE
_STATE_SIZE = _BARS + 1


def _elliott(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: pivots, wave (0 = none), its count, bars since it was confirmed
    turned = turn(state, 0, ts_ns, bar, params)
    if turned == -2:
        for column in range(8):
            out[column] = NAN
        return
    state[_BARS] += 1.0
    if turned != 0:
        for wave in range(1, 6):
            misfits = _misfits(wave, state, turned, params[_TOLERANCE])
            if misfits <= int(params[_MISFITS]):
                state[_WAVE] = wave
                state[_BARS] = 0.0
                _write_count(wave, misfits, state, turned, state, _COUNT)
                break
    direction = state[_COUNT]
    lowest = min(direction * bar[LOW], direction * bar[HIGH])
    highest = max(direction * bar[LOW], direction * bar[HIGH])
    if lowest < direction * state[_COUNT + 2] or highest >= direction * state[_COUNT + 5]:
        state[_WAVE] = 0.0
    for column in range(8):
        out[column] = 0.0
    if state[_WAVE] != 0.0:
        out[0] = state[_WAVE]
        out[1] = direction
        out[2] = state[_COUNT + 1]
        for level in range(4):
            out[3 + level] = state[_COUNT + 2 + level] / bar[CLOSE] - 1.0
        out[7] = state[_BARS]


WAVES = len(Wave)
COLUMNS = 1 + 3 * KEPT + WAVES * COUNT_SIZE


def _every_count(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    """Write what the detector reports: the turn, all pivots kept, each count that ends at the newest one."""
    turned = turn(state, 0, ts_ns, bar, params)
    for column in range(COLUMNS):
        out[column] = NAN
    out[0] = 0.0
    if abs(turned) != 1:
        return
    out[0] = turned
    copy_pivots(state, 0, KEPT, out, 1)
    for wave in range(1, 6):
        misfits = _misfits(wave, state, turned, params[_TOLERANCE])
        if misfits <= int(params[_MISFITS]):
            _write_count(wave, misfits, state, turned, out, 1 + 3 * KEPT + (wave - 1) * COUNT_SIZE)


PARAMS = (
    *PIVOT_PARAMS,
    Param(name="tolerance", default=0.03, low=0.0, high=0.1, meaning="deviation from a Fibonacci ratio, as a fraction"),
    Param(name="misfits", default=0, low=0, high=4, meaning="waves of a count that need no Fibonacci ratio"),
)

_SOURCE = "Frost and Prechter (1978), Elliott Wave Principle; docs/patterns.md lists ratios and degrees"

FEATURES = (
    Feature(
        name="elliott",
        family="patterns",
        summary="Elliott wave counts over confirmed pivots: impulse, A-B-C, W-X-Y-X-Z, with invalidation and targets.",
        formula="Pivots as in harmonic. At each new pivot the counts that end there are tried in the order W-X-Y-X-Z, "
        "1-5, 1-4, zigzag, flat; the first stands that breaks no rule (2 not beyond the start of 1, 3 not the shortest "
        "of 1, 3, 5, 4 not into the territory of 1) and of whose waves at most `misfits` lack a Fibonacci ratio. It "
        "ends beyond its invalidation or at its third target.",
        params=PARAMS,
        outputs=(
            Output("wave", "number of the count, 0 none"),
            Output("direction", "of the move expected: +1 up, -1 down, 0 none"),
            Output("degree", "1 Subminuette to 9 Grand Supercycle, 0 none"),
            Output("invalidation", "fraction of the close, signed"),
            Output("target_1", "fraction of the close, signed"),
            Output("target_2", "fraction of the close, signed"),
            Output("target_3", "fraction of the close, signed"),
            Output("bars", "bars since the count was confirmed"),
        ),
        warmup=lambda p: (pivots_warmup(p),) * 8,
        state_size=lambda _: _STATE_SIZE,
        kernel=_elliott,
        flat="0: no pivot, no count",
        source=_SOURCE,
        compared="No published values; exact constructions of all counts and a slow reference in the tests",
        differences="One scale: a wave is one leg between pivots (W, Y and Z three), not counted again inside. The "
        "degree follows the count's duration; the book calls degrees relative.",
        requires=pivots_require,
    ),
)

COUNTS = Feature(
    name="elliott_counts",
    family="patterns",
    summary="All that the detector reports, a row a bar; not registered.",
    formula="as elliott",
    params=PARAMS,
    outputs=tuple(Output(str(column), "internal") for column in range(COLUMNS)),
    warmup=lambda _: (1,) * COLUMNS,
    state_size=lambda _: PIVOTS_SIZE,
    kernel=_every_count,
    flat="no count",
    source=_SOURCE,
    compared="as elliott",
    differences="none",
    requires=pivots_require,
)
