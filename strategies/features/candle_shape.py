"""One bar by itself: its typical prices, the shape of its candle, doji and marubozu."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.kernel import CLOSE, HIGH, LOW, OPEN, Doubles, Feature, Output, Param
from strategies.features.smoothing import ratio


def _bar_parts(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = (bar[HIGH] + bar[LOW]) / 2.0
    out[1] = (bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0
    out[2] = (bar[OPEN] + bar[CLOSE]) / 2.0
    out[3] = (bar[OPEN] + bar[HIGH] + bar[LOW]) / 3.0
    out[4] = (bar[OPEN] + bar[HIGH] + bar[LOW] + bar[CLOSE]) / 4.0
    out[5] = (bar[HIGH] + bar[LOW] + 2.0 * bar[CLOSE]) / 4.0


def _candle_shape(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    size = bar[HIGH] - bar[LOW]
    out[0] = size
    out[1] = bar[CLOSE] - bar[OPEN]
    out[2] = bar[HIGH] - max(bar[OPEN], bar[CLOSE])
    out[3] = min(bar[OPEN], bar[CLOSE]) - bar[LOW]
    out[4] = ratio(abs(out[1]), size, 0.0)
    out[5] = ratio(out[2], size, 0.0)
    out[6] = ratio(out[3], size, 0.0)


def _doji(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = 1.0 if abs(bar[CLOSE] / bar[OPEN] - 1.0) <= 0.01 * params[0] else 0.0


def _marubozu(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    body = bar[CLOSE] - bar[OPEN]
    out[0] = 0.0
    if abs(body) >= 0.01 * params[0] * (bar[HIGH] - bar[LOW]) and body != 0.0:
        out[0] = 1.0 if body > 0.0 else -1.0


_NISON = "Nison (1991), Japanese Candlestick Charting Techniques, ch. 8"

FEATURES = (
    Feature(
        name="bar_parts",
        family="structure",
        summary="Averages of a bar's own prices.",
        formula="hl2 = (high + low) / 2; hlc3 = (high + low + close) / 3; oc2 = (open + close) / 2; "
        "ohl3 = (open + high + low) / 3; ohlc4 = (open + high + low + close) / 4; hlcc4 = (high + low + 2 close) / 4.",
        params=(),
        outputs=tuple(Output(name, "price") for name in ("hl2", "hlc3", "oc2", "ohl3", "ohlc4", "hlcc4")),
        warmup=lambda _: (1,) * 6,
        state_size=lambda _: 0,
        kernel=_bar_parts,
        flat="all on the price",
        source="Achelis (2000), Technical Analysis from A to Z, Median Price, p. 187, Typical Price, p. 340, Weighted "
        "Close, p. 369",
        compared="TA-Lib MEDPRICE, TYPPRICE, AVGPRICE and WCLPRICE (1e-12); Tulip medprice, typprice, avgprice and "
        "wcprice (printed digits)",
        differences="none",
    ),
    Feature(
        name="candle_shape",
        family="structure",
        summary="The parts of a candle: body and wicks, as prices and as shares of its range.",
        formula="size = high - low; body = close - open; upper, lower = the wicks above and below the body; "
        "body_share, upper_share and lower_share = their sizes / size.",
        params=(),
        outputs=(
            Output("size", "price"),
            Output("body", "price, negative where the close lies below the open"),
            Output("upper", "price"),
            Output("lower", "price"),
            Output("body_share", "fraction"),
            Output("upper_share", "fraction"),
            Output("lower_share", "fraction"),
        ),
        warmup=lambda _: (1,) * 7,
        state_size=lambda _: 0,
        kernel=_candle_shape,
        flat="0",
        source="Nison (1991), Japanese Candlestick Charting Techniques, ch. 3",
        compared="Stock Indicators doji.csv and marubozu.csv, columns candle (1e-9)",
        differences="The body has a sign. A bar without range has shares of 0, where Stock Indicators has 1.",
    ),
    Feature(
        name="doji",
        family="structure",
        summary="Doji: a bar that closes where it opened.",
        formula="1 where |close / open - 1| <= percent / 100, else 0.",
        params=(Param(name="percent", default=0.1, low=0.0, high=0.5, meaning="largest body, of the open"),),
        outputs=(Output("", "0 or 1"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 0,
        kernel=_doji,
        flat="1",
        source=_NISON,
        compared="Stock Indicators doji.csv (exact)",
        differences="Measured by the price; TA-Lib measures the body by the ranges of the bars before (see cdl_doji).",
    ),
    Feature(
        name="marubozu",
        family="structure",
        summary="Marubozu: a bar that is nearly all body.",
        formula="1 where the body is at least `percent` of the range and rises, -1 where it falls, else 0.",
        params=(Param(name="percent", default=95.0, low=80.0, high=100.0, meaning="least body, of the range"),),
        outputs=(Output("", "1, 0 or -1"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 0,
        kernel=_marubozu,
        flat="0",
        source=_NISON,
        compared="Stock Indicators marubozu.csv (exact)",
        differences="A fixed share of the bar's own range; TA-Lib measures wicks by the bars before.",
    ),
)
