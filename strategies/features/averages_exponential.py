"""Exponential averages of exponential averages: DEMA, TEMA, T3, zero lag, and Wilder's on its own."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, Param, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, follow, wilder
from strategies.features.windows import filled, push, ring_size


@inline
def cascade(state: Doubles, at: int, layers: int, window: int, value: float) -> bool:
    """
    Take a value into averages of averages, all seeded at once by the mean of the first `window` values.

    State: count up to the window, then one average a layer. Returns whether the seed is complete.
    """
    count = state[at]
    if count < window:
        count += 1.0
        state[at] = count
        state[at + 1] += (value - state[at + 1]) / count
        for layer in range(1, layers):
            state[at + 1 + layer] = state[at + 1]
        return count == window
    decay = (window - 1.0) / (window + 1.0)
    for layer in range(layers):
        value = follow(state[at + 1 + layer], value, decay)
        state[at + 1 + layer] = value
    return True


def _dema(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    ready = cascade(state, 0, 2, int(params[0]), bar[CLOSE])
    # as differences, so that equal prices leave exactly their value
    out[0] = state[1] + (state[1] - state[2]) if ready else NAN


def _tema(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    ready = cascade(state, 0, 3, int(params[0]), bar[CLOSE])
    out[0] = state[3] + 3.0 * (state[1] - state[2]) if ready else NAN


def _t3(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars, factor = int(params[0]), params[1]
    value = bar[CLOSE]
    for layer in range(6):
        value = exponential(state, layer * AVERAGE_SIZE, bars, value)
        if value != value:  # noqa: PLR0124 - NaN: this layer is not seeded yet
            out[0] = NAN
            return
    third, fourth = state[2 * AVERAGE_SIZE + 1], state[3 * AVERAGE_SIZE + 1]
    fifth, sixth = state[4 * AVERAGE_SIZE + 1], state[5 * AVERAGE_SIZE + 1]
    square = factor * factor
    cube = square * factor
    out[0] = (
        third
        + (3.0 * factor + 3.0 * square + cube) * (third - fourth)
        - (3.0 * square + 2.0 * cube) * (fourth - fifth)
        + cube * (fifth - sixth)
    )


def _smma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = wilder(state, 0, int(params[0]), bar[CLOSE])


def _zlema(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    kept = (bars - 1) // 2 + 1
    start = push(state, AVERAGE_SIZE, kept, bar[CLOSE])
    out[0] = NAN
    if filled(state, AVERAGE_SIZE, kept):
        out[0] = exponential(state, 0, bars, bar[CLOSE] + (bar[CLOSE] - state[start]))


FEATURES = (
    Feature(
        name="dema",
        family="averages",
        summary="Double exponential moving average: the lag of one average taken off by a second.",
        formula="2 * e1 - e2, with e1 = EMA(close), e2 = EMA(e1), weight 2 / (window + 1); both seeded by the mean of "
        "the first `window` closes.",
        params=(window(14, "bars of each average", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda _: 3,
        kernel=_dema,
        flat="the price",
        source="Mulloy (1994), Smoothing Data with Faster Moving Averages, Technical Analysis of Stocks and "
        "Commodities 12(1)",
        compared="Stock Indicators dema.csv (1e-9); TA-Lib DEMA once the seed has faded (1e-9)",
        differences="TA-Lib seeds e2 by the mean of the first `window` values of e1 and so starts `window - 1` bars "
        "later; Achelis p. 123 and Tulip seed both with the first close. The seed fades at the pace of the average.",
    ),
    Feature(
        name="tema",
        family="averages",
        summary="Triple exponential moving average: the lag of one average taken off by two more.",
        formula="3 * e1 - 3 * e2 + e3, with e1 = EMA(close), e2 = EMA(e1), e3 = EMA(e2), weight 2 / (window + 1); all "
        "seeded by the mean of the first `window` closes.",
        params=(window(20, "bars of each average", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda _: 4,
        kernel=_tema,
        flat="the price",
        source="Mulloy (1994), Smoothing Data with Faster Moving Averages, Technical Analysis of Stocks and "
        "Commodities 12(1)",
        compared="Stock Indicators tema.csv (1e-9); TA-Lib TEMA once the seed has faded (1e-9)",
        differences="TA-Lib seeds each average by the first values of the one before and so starts 2 * (window - 1) "
        "bars later; Achelis p. 330 and Tulip seed all with the first close. The seed fades at the pace of the "
        "average.",
    ),
    Feature(
        name="t3",
        family="averages",
        summary="Tillson's T3: a generalised DEMA applied three times.",
        formula="GD(GD(GD(close))) with GD(x) = (1 + factor) * EMA(x) - factor * EMA(EMA(x)), expanded into six EMAs "
        "in a row, each seeded by the mean of the first `window` values it is given.",
        params=(
            window(5, "bars of each average", low=1),
            Param(name="factor", default=0.7, low=0.0, high=1.0, meaning="0 is an EMA of EMAs, 1 a DEMA of DEMAs"),
        ),
        outputs=(Output("", "price"),),
        warmup=lambda p: (6 * (p["window"] - 1) + 1,),
        state_size=lambda _: 6 * AVERAGE_SIZE,
        kernel=_t3,
        flat="the price",
        source="Tillson (1998), Better Moving Averages, Technical Analysis of Stocks and Commodities 16(1)",
        compared="TA-Lib T3 (1e-9)",
        differences="Stock Indicators seeds all six averages with the first close and has no warm-up: its values "
        "approach these as the seed fades.",
    ),
    Feature(
        name="smma",
        family="averages",
        summary="Smoothed moving average of the close, also known as RMA or Wilder's.",
        formula="smma += (close - smma) / window; seeded by the mean of the first `window` closes.",
        params=(window(20, "closes that seed the average; the newest weighs one of so many", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda _: AVERAGE_SIZE,
        kernel=_smma,
        flat="the price",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators smma.csv (1e-9); Achelis p. 366 and Tulip wilders (printed digits); TA-Lib RMA "
        "(1e-9)",
        differences="none",
    ),
    Feature(
        name="zlema",
        family="averages",
        summary="Zero lag exponential moving average: an EMA of the close plus its recent change.",
        formula="EMA(2 * close - close lag bars ago, window), lag = (window - 1) / 2 rounded down, seeded by the mean "
        "of the first `window` values.",
        params=(window(20, "bars of the average"),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"] + (p["window"] - 1) // 2,),
        state_size=lambda p: AVERAGE_SIZE + ring_size((p["window"] - 1) // 2 + 1),
        kernel=_zlema,
        flat="the price",
        source="Ehlers and Way (2010), Zero Lag (Well, Almost), Technical Analysis of Stocks and Commodities 28(12); "
        "the form with the lagged price, in wide use",
        compared="TA-Lib ZLEMA (1e-9)",
        differences="Tulip seeds with the first close. Ehlers and Way's own filter searches a gain bar by bar; the "
        "form here is the one charts show under the name.",
    ),
)
