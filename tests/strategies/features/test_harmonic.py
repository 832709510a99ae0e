"""Harmonic patterns: found when exact, found just inside the tolerance, not found just outside, and never changed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from drawn_bars import drawn, ts_of_point, upside_down
from generated_bars import same_bits, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.patterns.detection import Direction, Pivot
from strategies.features.patterns.harmonic_detector import HarmonicConfig, HarmonicDetector, HarmonicMatch
from strategies.features.patterns.harmonic_ratios import ANY, HARMONICS, Harmonic, HarmonicRatios, Leg
from strategies.features.registry import bind
from strategies.features.spec import FeatureSpec
from strategies.features.verify import verify

TOLERANCE = 0.03
MARGIN = 1e-4
WITHIN = 0.99 * TOLERANCE  # where the ratios that a test does not look at may lie
DETECTOR = HarmonicDetector(HarmonicConfig(reversal_atr=0.0, reversal_fraction=1e-4))
BY_NAME = {ratios.pattern: ratios for ratios in HARMONICS}

# ends of ranges that the pattern's other ratios keep it away from: nothing can lie just inside or outside of them
NEVER_REACHED = (
    (Harmonic.ALTERNATE_BAT, Leg.BC_AB, 0),
    (Harmonic.ALTERNATE_BAT, Leg.CD_BC, 0),
    (Harmonic.BAT, Leg.BC_AB, 0),
    (Harmonic.BAT, Leg.CD_BC, 0),
    (Harmonic.BUTTERFLY, Leg.BC_AB, 0),
    (Harmonic.BUTTERFLY, Leg.CD_BC, 0),
    (Harmonic.CRAB, Leg.AB_XA, 0),
    (Harmonic.CRAB, Leg.BC_AB, 0),
    (Harmonic.CRAB, Leg.CD_BC, 0),
    (Harmonic.DEEP_CRAB, Leg.CD_BC, 1),
    (Harmonic.GARTLEY, Leg.CD_BC, 0),
    (Harmonic.LEONARDO, Leg.CD_BC, 0),
    (Harmonic.NEN_STAR, Leg.AB_XA, 0),
    (Harmonic.NEN_STAR, Leg.CD_BC, 0),
    (Harmonic.SEA_PONY, Leg.AB_XA, 0),
    (Harmonic.SEA_PONY, Leg.AB_XA, 1),
    (Harmonic.WHITE_SWAN, Leg.AB_XA, 0),
    (Harmonic.WHITE_SWAN, Leg.CD_BC, 0),
    (Harmonic.WHITE_SWAN, Leg.AD_XA, 1),
)


class Edge(NamedTuple):
    pattern: Harmonic
    leg: Leg
    end: int  # 0 the low end, 1 the high one

    def __str__(self) -> str:
        return f"{self.pattern.name.lower()}-{self.leg.name.lower()}-{('low', 'high')[self.end]}"


EDGES = [
    Edge(ratios.pattern, leg, end)
    for ratios in HARMONICS
    for leg in Leg
    for end in (0, 1)
    if ratios.ranges[leg] != ANY and (ratios.pattern, leg, end) not in NEVER_REACHED
]


def at_edge(edge: Edge, *, inside: bool) -> float:
    low, high = BY_NAME[edge.pattern].ranges[edge.leg]
    step = MARGIN if inside else -MARGIN
    return low * (1 - TOLERANCE + step) if edge.end == 0 else high * (1 + TOLERANCE - step)


def ratios_of(points: np.ndarray) -> np.ndarray:
    p, x, a, b, c, d = points
    xa, ab, bc, cd, xc = a - x, a - b, c - b, c - d, c - x
    return np.array([xa / (p - x), ab / xa, bc / ab, xc / xa, cd / bc, (a - d) / xa, cd / xc, cd / ab])


@cache
def bullish(pattern: Harmonic, pinned: Leg | None = None, value: float = 0.0, seed: int = 0) -> tuple[float, ...]:
    """Return P, X, A, B, C, D with all ratios within their ranges, but for one that has the value given."""
    ranges = BY_NAME[pattern].ranges
    rng = np.random.default_rng(seed)
    tries = 400_000

    def draw(leg: Leg, otherwise: tuple[float, float]) -> np.ndarray:
        if leg is pinned:
            return np.full(tries, value)
        low, high = ranges[leg] if ranges[leg] != ANY else otherwise
        return rng.uniform(low * (1 - WITHIN), high * (1 + WITHIN), tries)

    x, xa = np.full(tries, 200.0), 20.0
    p = x + xa / draw(Leg.XA_PX, (0.5, 0.9))
    a = x + xa
    b = a - xa * draw(Leg.AB_XA, (0.4, 0.9))
    c = b + (a - b) * draw(Leg.BC_AB, (0.4, 1.6))
    if ranges[Leg.XC_XA] != ANY:
        c = x + xa * draw(Leg.XC_XA, ANY)
    ends = [leg for leg in (Leg.CD_BC, Leg.AD_XA, Leg.CD_XC, Leg.CD_AB) if ranges[leg] != ANY]
    leg = pinned if pinned in ends else min(ends, key=lambda each: ranges[each][1] / ranges[each][0])
    unit = {Leg.CD_BC: c - b, Leg.AD_XA: a - x, Leg.CD_XC: c - x, Leg.CD_AB: a - b}[leg]
    d = (a if leg is Leg.AD_XA else c) - unit * draw(leg, ANY)
    points = np.array([p, x, a, b, c, d])
    good = (d < c) & (c > b)
    found = ratios_of(points)
    for each in Leg:
        if each is not pinned and ranges[each] != ANY:
            low, high = ranges[each]
            good &= (found[each] > low * (1 - WITHIN)) & (found[each] < high * (1 + WITHIN))
    assert good.any(), "no such points"
    return tuple(points[:, np.flatnonzero(good)[0]].tolist())


def found(points: tuple[float, ...] | list[float], pattern: Harmonic, *, completed: bool = True) -> list[HarmonicMatch]:
    """Return the matches of a pattern that end at the last point."""
    bars = drawn(points)
    return [
        match
        for match in DETECTOR.batch(bars)
        if match.pattern is pattern and match.completed == completed and match.pivot_ts == ts_of_point(len(points) - 1)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("pattern", Harmonic)
def test_an_exact_pattern_is_found_where_it_was_drawn(pattern: Harmonic, direction: Direction, seed: int) -> None:
    points = list(bullish(pattern, seed=seed))
    points = points if direction is Direction.UP else upside_down(points)

    (match,) = found(points, pattern)

    assert match.direction is direction
    known = 6 if pattern is Harmonic.THREE_DRIVES else 5
    pivots = tuple(Pivot(ts_of_point(number), point) for number, point in enumerate(points))
    assert match.pivots == pivots[-known:]
    assert match.pivot_ts == pivots[-1].ts_ns
    # the way back is 30 % of the last leg in four bars: the first of them is far enough
    assert match.confirmed_ts == drawn(points).ts_ns[-4]
    up, (a, c, d) = direction.value, (points[2], points[4], points[5])
    assert match.zone_low < d < match.zone_high
    stop, low, high = up * match.stop, *sorted((up * match.zone_low, up * match.zone_high))
    assert stop < low < high < up * c
    start = max(up * a, up * c)
    shares = [(up * target - up * d) / (start - up * d) for target in match.targets]
    assert shares == pytest.approx([0.382, 0.618, 1.0])
    assert match.deviation < TOLERANCE


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_the_tolerance_ends_where_it_says(edge: Edge, direction: Direction) -> None:
    for inside in (True, False):
        points = list(bullish(edge.pattern, edge.leg, at_edge(edge, inside=inside)))
        points = points if direction is Direction.UP else upside_down(points)
        matches = found(points, edge.pattern)
        assert bool(matches) is inside, inside
        if inside:
            # a range of one value ends on both sides of it, so the deviation says where in the tolerance this lies
            assert matches[0].deviation == pytest.approx(TOLERANCE - MARGIN, abs=1e-9)


@pytest.mark.parametrize(
    "unreached", NEVER_REACHED, ids=lambda each: f"{each[0].name}-{each[1].name}-{each[2]}".lower()
)
def test_some_ends_are_out_of_reach_of_the_other_ratios(unreached: tuple[Harmonic, Leg, int]) -> None:
    with pytest.raises(AssertionError, match="no such points"):
        bullish(unreached[0], unreached[1], at_edge(Edge(*unreached), inside=True))


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("pattern", Harmonic)
def test_the_zone_projected_at_c_is_the_zone_of_the_completed_pattern(pattern: Harmonic, direction: Direction) -> None:
    points = list(bullish(pattern))
    points = points if direction is Direction.UP else upside_down(points)
    (completed,) = found(points, pattern)

    (projected,) = found(points[:-1], pattern, completed=False)

    assert projected.direction is direction
    assert (projected.zone_low, projected.zone_high) == (completed.zone_low, completed.zone_high)
    assert projected.stop == completed.stop
    assert projected.pivots == completed.pivots[:-1]
    middle = 0.5 * (completed.zone_low + completed.zone_high)
    start = max(direction.value * points[2], direction.value * points[4]) * direction.value
    assert projected.targets == pytest.approx([middle + share * (start - middle) for share in (0.382, 0.618, 1.0)])


def test_each_pattern_but_the_widest_is_told_from_all_others() -> None:
    wide = {Harmonic.AB_CD, Harmonic.SEA_PONY}
    for pattern in set(Harmonic) - wide:
        matches = [match for match in DETECTOR.batch(drawn(bullish(pattern))) if match.completed]
        others = {match.pattern for match in matches if match.pivot_ts == ts_of_point(5)} - wide - {pattern}
        # a Shark says nothing of B, so it may hold a Nen Star's neighbour, and the other way round
        assert others <= {Harmonic.SHARK}, (pattern, others)


def test_three_drives_need_the_pivot_before_x() -> None:
    # the leg from 100 to 30 would be in ratio to a leg from 0 to 100, which there is not
    points = [100.0, 30.0, 128.0, 59.4, 155.4]

    assert not found(points, Harmonic.THREE_DRIVES)
    assert not found(points[:-1], Harmonic.THREE_DRIVES, completed=False)
    assert found([2.0, *points], Harmonic.THREE_DRIVES)


def test_stops_lie_beyond_the_zone_at_the_largest_tolerance() -> None:
    for ratios in HARMONICS:
        assert ratios.stop > ratios.ranges[ratios.stop_leg][1] * 1.1 or ratios.ranges[ratios.stop_leg] == ANY, ratios


@pytest.mark.parametrize("direction", Direction)
def test_the_feature_follows_a_gartley_from_projection_to_target(direction: Direction) -> None:
    points = list(bullish(Harmonic.GARTLEY))
    points += [points[5] + 1.1 * (points[2] - points[5])]  # on to beyond A, the third target
    points = points if direction is Direction.UP else upside_down(points)
    bars = drawn(points)
    features = FeatureSet([FeatureSpec("harmonic", {"reversal_atr": 0, "reversal_fraction": 1e-4}, label="h")])
    values = features.batch(bars)
    column = {name.removeprefix("h."): values[:, place] for place, name in enumerate(features.names)}

    way_to_d, way_back = slice(4 * 4 + 1, 5 * 4 + 1), slice(5 * 4 + 1, 6 * 4)
    assert (column["forming"][way_to_d] == Harmonic.GARTLEY).all()
    assert (column["forming_direction"][way_to_d] == direction.value).all()
    assert (np.diff(column["completion"][way_to_d]) > 0).all()
    assert (column["pattern"][way_to_d] == 0).all()
    assert column["completion"][20] >= 1.0
    assert column["zone"][20] == 0.0
    assert (np.sign(column["zone"][way_to_d][:2]) == -direction.value).all()

    assert (column["pattern"][way_back] == Harmonic.GARTLEY).all()
    assert (column["direction"][way_back] == direction.value).all()
    assert column["bars"][way_back].tolist() == [0, 1, 2]
    (match,) = found(points[:6], Harmonic.GARTLEY)
    for name, level in zip(("stop", "target_1", "target_2", "target_3"), (match.stop, *match.targets), strict=True):
        np.testing.assert_allclose(column[name][way_back], level / bars.close[way_back] - 1, rtol=1e-9)
    # the bar at the last point is beyond the third target: the pattern is over
    assert column["pattern"][24] == 0.0


def test_the_feature_drops_a_pattern_at_its_stop() -> None:
    points = list(bullish(Harmonic.BAT))
    back, beyond = points[5] + 2.0, points[1] - 1.0
    features = FeatureSet([FeatureSpec("harmonic", {"reversal_atr": 0, "reversal_fraction": 1e-4}, label="h")])
    values = features.batch(drawn([*points, back, beyond]))[:, features.column("h.pattern")]

    assert values[24] == Harmonic.BAT
    assert values[28] != Harmonic.BAT


def test_a_stream_gives_what_the_batch_gives_and_takes_nothing_back() -> None:
    bars = walk(6000)
    detector = HarmonicDetector()
    expected = detector.batch(bars)
    stream = detector.stream()

    streamed = [match for row in zip(*(column.tolist() for column in bars), strict=True) for match in stream.step(*row)]

    assert len(expected) > 100
    assert streamed == expected
    assert {match.completed for match in expected} == {True, False}
    assert all(match.pivot_ts < match.confirmed_ts for match in expected)
    assert all(match.pivots[-1].ts_ns == match.pivot_ts for match in expected)


@given(cut=st.integers(1, 1500), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_what_was_found_by_a_bar_does_not_depend_on_later_ones(cut: int, seed: int) -> None:
    bars = walk(1500, seed=seed)
    detector = HarmonicDetector()

    known_then = [match for match in detector.batch(bars) if match.confirmed_ts <= bars.ts_ns[cut - 1]]

    assert detector.batch(bars.slice(0, cut)) == known_then


@given(exponent=st.integers(-30, 30), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_prices_in_another_unit_change_no_pattern(exponent: int, seed: int) -> None:
    factor = 2.0**exponent
    bars = walk(800, seed=seed)
    scaled = BarColumns(bars.ts_ns, *(column * factor for column in bars[1:5]), bars.volume)
    detector, feature = HarmonicDetector(), FeatureSet([FeatureSpec("harmonic")])

    before, after = detector.batch(bars), detector.batch(scaled)

    assert [(m.pattern, m.confirmed_ts, m.deviation) for m in after] == [
        (m.pattern, m.confirmed_ts, m.deviation) for m in before
    ]
    assert [m.stop for m in after] == [m.stop * factor for m in before]
    assert same_bits(feature.batch(scaled), feature.batch(bars))


@pytest.mark.parametrize("params", [{"reversal_atr": 0, "reversal_fraction": 0.01}, {"tolerance": 0.1}])
def test_the_feature_holds_with_other_pivots_and_on_bars_full_of_patterns(params: dict[str, float]) -> None:
    assert verify(bind(FeatureSpec("harmonic", params))) == []
    points = [point for pattern in Harmonic for point in bullish(pattern)[1:]]
    assert verify(bind(FeatureSpec("harmonic", params)), drawn(points), cuts=15) == []


def test_the_table_is_complete() -> None:
    assert [ratios.pattern for ratios in HARMONICS] == list(Harmonic)
    for ratios in HARMONICS:
        assert isinstance(ratios, HarmonicRatios)
        assert all(0 <= low <= high for low, high in ratios.ranges)
        assert ratios.source
        assert ratios.differences


def test_the_page_states_the_ratios_that_are_used() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "patterns.md").read_text(encoding="utf-8")
    lines = page.partition("### Ratios")[2].partition("\n- ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = [row for row in cells if row[0].isdigit()]

    assert [int(row[0]) for row in rows] == list(Harmonic)
    for row, ratios in zip(rows, HARMONICS, strict=True):
        stated = [tuple(float(end) for end in (cell.split(" to ") * 2)[:2]) if cell else ANY for cell in row[2:-1]]
        assert stated == list(ratios.ranges), ratios.pattern
        assert row[-1] == f"{ratios.stop_leg.name.replace('_', '/')} {ratios.stop:g}"
        assert ratios.source in page
        assert ratios.differences in page
