"""Elliott waves: the three rules always, Fibonacci ratios just inside and outside the tolerance, levels, degrees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pytest
from drawn_bars import drawn, ts_of_point, upside_down
from generated_bars import HOUR_NS, same_bits, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.patterns.detection import Direction, Pivot
from strategies.features.patterns.elliott import PIVOTS_OF
from strategies.features.patterns.elliott_detector import ElliottConfig, ElliottCount, ElliottDetector
from strategies.features.patterns.elliott_waves import (
    EQUALITY,
    FLAT_B,
    FLAT_C,
    RETRACEMENT,
    WAVE_3,
    WAVE_4,
    Degree,
    Wave,
)
from strategies.features.registry import bind
from strategies.features.spec import FeatureSpec
from strategies.features.verify import verify

TOLERANCE = 0.03
MARGIN = 1e-4
START = 200.0
UP, DOWN = Direction.UP, Direction.DOWN


def from_legs(*legs: float) -> list[float]:
    return list(accumulate(legs, initial=START))


def impulse(second: float = 0.618, third: float = 1.618, fourth: float = 0.382, fifth: float = 1.0) -> list[float]:
    """Return a rising impulse by its ratios: 2 to 1, 3 to 1, 4 to 3, 5 to 1."""
    return from_legs(20.0, -20 * second, 20 * third, -20 * third * fourth, 20 * fifth)


def correction(second: float, third: float) -> list[float]:
    """Return a falling A-B-C by its ratios: B to A, C to A."""
    return from_legs(-20.0, 20 * second, -20 * third)


def triple_three(
    first_x: float = 0.5, y: float = 1.0, second_x: float = 0.618, z: float = 0.618, b: float = 0.5
) -> list[float]:
    """Return a falling W-X-Y-X-Z by its ratios: X to W, Y to W, X to Y, Z to Y."""

    def three(net: float) -> list[float]:
        return [-net / (2 - b), b * net / (2 - b), -net / (2 - b)]

    w = 20.0
    return from_legs(*three(w), first_x * w, *three(y * w), second_x * y * w, *three(z * y * w))


def counts(points: Sequence[float], wave: Wave, *, misfits: int = 0, bar_ns: int = HOUR_NS) -> list[ElliottCount]:
    """Return the counts of a kind that end at the last point."""
    detector = ElliottDetector(ElliottConfig(reversal_atr=0.0, reversal_fraction=1e-4, misfits=misfits))
    end = ts_of_point(len(points) - 1, bar_ns)
    found = detector.batch(drawn(points, bar_ns=bar_ns))
    return [count for count in found if count.wave is wave and count.pivot_ts == end]


EXACT = [
    pytest.param(Wave.IMPULSE, impulse(), id="impulse"),
    pytest.param(Wave.IMPULSE_TO_4, impulse()[:-1], id="impulse to 4"),
    pytest.param(Wave.ZIGZAG, correction(0.618, 1.0), id="zigzag"),
    pytest.param(Wave.FLAT, correction(1.0, 1.0), id="regular flat"),
    pytest.param(Wave.FLAT, correction(1.236, 1.618), id="expanded flat"),
    pytest.param(Wave.COMPLEX, triple_three(), id="triple three"),
]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("wave", "points"), EXACT)
def test_an_exact_count_is_found_where_it_was_drawn(wave: Wave, points: list[float], mirrored: bool) -> None:
    points = upside_down(points) if mirrored else points

    (count,) = counts(points, wave)

    pivots = tuple(Pivot(ts_of_point(number), point) for number, point in enumerate(points))
    assert [pivot.ts_ns for pivot in count.pivots] == [pivot.ts_ns for pivot in pivots]
    assert [pivot.price for pivot in count.pivots] == pytest.approx([pivot.price for pivot in pivots])
    assert len(count.pivots) == PIVOTS_OF[wave]
    assert count.confirmed_ts == drawn(points).ts_ns[-4] > count.pivot_ts == pivots[-1].ts_ns
    assert count.misfits == 0
    expected = DOWN if wave is Wave.IMPULSE else UP
    assert count.direction is (Direction(-expected.value) if mirrored else expected)


# what is varied: the kind of count, its points from one ratio, the ratios it may have
RATIOS = [
    pytest.param(Wave.IMPULSE, lambda r: impulse(second=r), RETRACEMENT, id="2 to 1"),
    pytest.param(
        Wave.IMPULSE, lambda r: impulse(second=0.382, third=r, fourth=0.236, fifth=0.618), WAVE_3, id="3 to 1"
    ),
    pytest.param(Wave.IMPULSE, lambda r: impulse(fourth=r), WAVE_4, id="4 to 3"),
    pytest.param(Wave.IMPULSE, lambda r: impulse(fifth=r), EQUALITY, id="5 to 1"),
    pytest.param(Wave.IMPULSE_TO_4, lambda r: impulse(second=r)[:-1], RETRACEMENT, id="to 4, 2 to 1"),
    pytest.param(
        Wave.IMPULSE_TO_4, lambda r: impulse(third=r, fourth=0.236, second=0.382)[:-1], WAVE_3, id="to 4, 3 to 1"
    ),
    pytest.param(Wave.IMPULSE_TO_4, lambda r: impulse(fourth=r)[:-1], WAVE_4, id="to 4, 4 to 3"),
    pytest.param(Wave.ZIGZAG, lambda r: correction(r, 1.0), RETRACEMENT, id="zigzag, B to A"),
    pytest.param(Wave.ZIGZAG, lambda r: correction(0.5, r), EQUALITY, id="zigzag, C to A"),
    pytest.param(Wave.FLAT, lambda r: correction(r, 1.618), FLAT_B, id="flat, B to A"),
    pytest.param(Wave.FLAT, lambda r: correction(1.236, r), FLAT_C, id="flat, C to A"),
    pytest.param(Wave.COMPLEX, lambda r: triple_three(first_x=r), RETRACEMENT, id="X to W"),
    pytest.param(Wave.COMPLEX, lambda r: triple_three(y=r), EQUALITY, id="Y to W"),
    pytest.param(Wave.COMPLEX, lambda r: triple_three(second_x=r), RETRACEMENT, id="X to Y"),
    pytest.param(Wave.COMPLEX, lambda r: triple_three(z=r), EQUALITY, id="Z to Y"),
]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("wave", "of", "allowed"), RATIOS)
def test_the_tolerance_ends_where_it_says(wave: Wave, of, allowed: tuple[float, ...], mirrored: bool) -> None:
    for ratio in allowed:
        for side in (-1, 1):
            for inside in (True, False):
                points = of(ratio * (1 + side * (TOLERANCE + (-MARGIN if inside else MARGIN))))
                points = upside_down(points) if mirrored else points
                found = counts(points, wave)
                assert bool(found) is inside, (ratio, side, inside)
                if not inside and not breaks_shape(wave, ratio, side):
                    # nothing else is wrong with it
                    assert [count.misfits for count in counts(points, wave, misfits=1)] == [1]


def breaks_shape(wave: Wave, ratio: float, side: int) -> bool:
    """A flat's B that falls short of the start of A, tolerance included, makes it no flat."""
    return wave is Wave.FLAT and ratio == 1.0 and side == -1


def test_wave_2_never_goes_beyond_the_start_of_wave_1() -> None:
    just_within, beyond = from_legs(20, -19.99, 40, -8, 20), from_legs(20, -20.01, 40, -8, 20)

    assert counts(just_within, Wave.IMPULSE, misfits=4)
    assert not counts(beyond, Wave.IMPULSE, misfits=4)
    assert not counts(beyond[:-1], Wave.IMPULSE_TO_4, misfits=4)


def test_wave_3_is_never_the_shortest() -> None:
    def with_third(third: float) -> list[float]:
        return from_legs(20, -2, third, -0.5, 19)

    assert counts(with_third(19.01), Wave.IMPULSE, misfits=4)  # shorter than wave 1, longer than wave 5
    assert not counts(with_third(18.99), Wave.IMPULSE, misfits=4)
    assert counts(with_third(19.0), Wave.IMPULSE, misfits=4)  # as long as wave 5: not the shortest


def test_wave_4_never_enters_the_territory_of_wave_1() -> None:
    def with_fourth(fourth: float) -> list[float]:
        return from_legs(20, -10, 32, -fourth, 20)

    assert counts(with_fourth(21.99), Wave.IMPULSE, misfits=4)
    for entering in (22.0, 22.01):
        assert not counts(with_fourth(entering), Wave.IMPULSE, misfits=4)
        assert not counts(with_fourth(entering)[:-1], Wave.IMPULSE_TO_4, misfits=4)


# eighths, so that all sums are exact and equal legs are equal
@given(
    legs=st.lists(st.integers(8, 480).map(lambda eighths: eighths / 8), min_size=5, max_size=5), mirrored=st.booleans()
)
@settings(max_examples=150, deadline=None)
def test_no_impulse_breaks_a_rule(legs: list[float], mirrored: bool) -> None:
    points = from_legs(*(leg if number % 2 == 0 else -leg for number, leg in enumerate(legs)))
    found = counts(upside_down(points) if mirrored else points, Wave.IMPULSE, misfits=4)

    broken = (
        points[2] < points[0] or (legs[2] < legs[0] and legs[2] < legs[4]) or points[4] <= points[1] or min(points) <= 0
    )
    assert bool(found) is not broken


def test_a_triple_three_needs_three_waves_in_each_part() -> None:
    assert counts(triple_three(b=0.9), Wave.COMPLEX)
    assert not counts(triple_three(first_x=1.05), Wave.COMPLEX, misfits=4)  # X beyond the start of W
    assert not counts(triple_three(b=1.05), Wave.COMPLEX, misfits=4)  # B beyond the start of A
    assert not counts(triple_three(second_x=1.05), Wave.COMPLEX, misfits=4)  # X beyond the start of Y
    for part in (0, 4, 8):
        points = triple_three()
        points[part + 2] = points[part] + 0.5  # B beyond the start of A, in this part only
        assert not counts(points, Wave.COMPLEX, misfits=4), part


def test_levels_of_waves_1_to_4_foretell_the_fifth() -> None:
    points = impulse()[:-1]
    (count,) = counts(points, Wave.IMPULSE_TO_4)

    assert count.invalidation == pytest.approx(points[1])
    assert count.targets == pytest.approx([points[4] + share * 20 for share in (0.618, 1.0, 1.618)])


def test_levels_of_an_impulse_foretell_its_correction() -> None:
    points = impulse()
    (count,) = counts(points, Wave.IMPULSE)

    assert count.invalidation == pytest.approx(points[5])
    height = points[5] - points[0]
    assert count.targets == pytest.approx([points[5] - share * height for share in (0.382, 0.5, 0.618)])


@pytest.mark.parametrize(("wave", "points"), [(Wave.ZIGZAG, correction(0.618, 1.0)), (Wave.COMPLEX, triple_three())])
def test_levels_of_a_correction_foretell_that_the_trend_goes_on(wave: Wave, points: list[float]) -> None:
    (count,) = counts(points, wave)

    assert count.invalidation == pytest.approx(points[-1])
    height = points[0] - points[-1]
    assert count.targets == pytest.approx([points[-1] + share * height for share in (0.618, 1.0, 1.618)])


MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 365.25 * 86_400


@pytest.mark.parametrize(
    ("duration_s", "degree"),
    [
        (HOUR - 20, Degree.SUBMINUETTE),
        (HOUR, Degree.MINUETTE),
        (DAY - 20, Degree.MINUETTE),
        (DAY, Degree.MINUTE),
        (7 * DAY, Degree.MINOR),
        (28 * DAY, Degree.INTERMEDIATE),
        (YEAR / 2, Degree.PRIMARY),
        (2 * YEAR, Degree.CYCLE),
        (20 * YEAR - 20, Degree.CYCLE),
        (20 * YEAR, Degree.SUPERCYCLE),
        (100 * YEAR, Degree.GRAND_SUPERCYCLE),
    ],
)
def test_the_degree_is_that_of_the_duration(duration_s: float, degree: Degree) -> None:
    bar_ns = int(duration_s * 1_000_000_000) // 20  # five legs of four bars

    (count,) = counts(impulse(), Wave.IMPULSE, bar_ns=bar_ns)

    assert count.pivot_ts - count.pivots[0].ts_ns == 20 * bar_ns
    assert count.degree is degree


def test_the_feature_prefers_the_larger_count_and_ends_it_at_its_third_target() -> None:
    points = impulse()
    points += [points[5] - 0.7 * (points[5] - points[0])]
    features = FeatureSet([FeatureSpec("elliott", {"reversal_atr": 0, "reversal_fraction": 1e-4}, label="e")])
    bars = drawn(points)
    values = features.batch(bars)
    column = {name.removeprefix("e."): values[:, place] for place, name in enumerate(features.names)}

    fifth, after = slice(17, 21), slice(21, 24)
    assert (column["wave"][fifth] == Wave.IMPULSE_TO_4).all()
    assert (column["direction"][fifth] == 1).all()
    assert (column["wave"][21:23] == Wave.IMPULSE).all()
    assert (column["direction"][21:23] == -1).all()
    assert column["bars"][21:23].tolist() == [0, 1]
    assert column["degree"][21] == Degree.MINUETTE
    (count,) = counts(points[:6], Wave.IMPULSE)
    for name, level in zip(
        ("invalidation", "target_1", "target_2", "target_3"), (count.invalidation, *count.targets), strict=True
    ):
        np.testing.assert_allclose(column[name][21:23], level / bars.close[21:23] - 1, rtol=1e-9)
    assert column["wave"][after].tolist()[-1] in (0, Wave.IMPULSE)
    assert column["wave"][24] == 0  # 0.7 of the way back is beyond 0.618


@pytest.mark.parametrize(("beyond", "stands"), [(0.0, True), (0.25, False)])
def test_a_count_ends_beyond_its_invalidation_not_at_it(beyond: float, stands: bool) -> None:
    # 5 % of the end of this falling impulse is less than 5 % of where the price turns back: no pivot in between
    points = from_legs(-20.0, 10.0, -32.0, 16.0, -20.0)
    bars = drawn([*points, points[-1] + 7.75, points[-1] - beyond], turn_back=0.01)
    params = {"reversal_atr": 0, "reversal_fraction": 0.05, "misfits": 1}
    values = FeatureSet([FeatureSpec("elliott", params)]).batch(bars)[:, 0].tolist()

    assert values[24] == Wave.IMPULSE
    assert values[28] == (Wave.IMPULSE if stands else 0)


def test_a_stream_gives_what_the_batch_gives_and_takes_nothing_back() -> None:
    bars = walk(6000)
    detector = ElliottDetector(ElliottConfig(misfits=1))
    expected = detector.batch(bars)
    stream = detector.stream()

    streamed = [count for row in zip(*(column.tolist() for column in bars), strict=True) for count in stream.step(*row)]

    assert len(expected) > 100
    assert streamed == expected
    assert all(count.pivot_ts < count.confirmed_ts for count in expected)


@given(cut=st.integers(1, 1500), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_what_was_found_by_a_bar_does_not_depend_on_later_ones(cut: int, seed: int) -> None:
    bars = walk(1500, seed=seed)
    detector = ElliottDetector(ElliottConfig(misfits=2))

    known_then = [count for count in detector.batch(bars) if count.confirmed_ts <= bars.ts_ns[cut - 1]]

    assert detector.batch(bars.slice(0, cut)) == known_then


@given(exponent=st.integers(-30, 30), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_prices_in_another_unit_change_no_count(exponent: int, seed: int) -> None:
    factor = 2.0**exponent
    bars = walk(800, seed=seed)
    scaled = BarColumns(bars.ts_ns, *(column * factor for column in bars[1:5]), bars.volume)
    detector, feature = ElliottDetector(ElliottConfig(misfits=1)), FeatureSet([FeatureSpec("elliott", {"misfits": 1})])

    before, after = detector.batch(bars), detector.batch(scaled)

    assert [(c.wave, c.confirmed_ts, c.degree) for c in after] == [(c.wave, c.confirmed_ts, c.degree) for c in before]
    assert [c.targets for c in after] == [tuple(target * factor for target in c.targets) for c in before]
    assert same_bits(feature.batch(scaled), feature.batch(bars))


@pytest.mark.parametrize("params", [{"reversal_atr": 0, "reversal_fraction": 0.01, "misfits": 4}, {"misfits": 2}])
def test_the_feature_holds_with_other_pivots_and_on_bars_full_of_counts(params: dict[str, float]) -> None:
    assert verify(bind(FeatureSpec("elliott", params))) == []
    points = [point + 0.01 * number for number, point in enumerate([*impulse(), *triple_three()[1:], *impulse()[1:]])]
    assert verify(bind(FeatureSpec("elliott", params)), drawn(points), cuts=15) == []
