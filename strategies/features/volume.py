"""Volume and price together: on-balance volume, rolling VWAP, money flow."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.accumulation import SUM_SIZE, accumulate
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, VOLUME, Doubles, Feature, Output, window
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, push, ring_size, total


def _obv(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), compensated sum
    before = state[0]
    state[0] = bar[CLOSE]
    signed = 0.0
    if before != 0.0 and bar[CLOSE] != before:
        signed = bar[VOLUME] if bar[CLOSE] > before else -bar[VOLUME]
    out[0] = accumulate(state, 1, signed)


def _vwap(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    volumes = ring_size(bars)
    start = push(state, 0, bars, (bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0)
    push(state, volumes, bars, bar[VOLUME])
    out[0] = NAN
    if not filled(state, 0, bars):
        return
    # measured from the oldest price, so that equal prices give exactly that price
    origin = state[start]
    money = 0.0
    volume = 0.0
    for index in range(start, start + bars):
        money += (state[index] - origin) * state[index + volumes]
        volume += state[index + volumes]
    if volume > 0.0:
        out[0] = origin + money / volume


def _mfi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: typical price before (0 = none yet), rings of rising and of falling money
    typical = (bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0
    before = state[0]
    state[0] = typical
    out[0] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    money = typical * bar[VOLUME]
    start = push(state, 1, bars, money if typical > before else 0.0)
    falling = ring_size(bars)
    push(state, 1 + falling, bars, money if typical < before else 0.0)
    if filled(state, 1, bars):
        up = total(state, start, bars)
        out[0] = 100.0 * ratio(up, up + total(state, start + falling, bars), 0.5)


FEATURES = (
    Feature(
        name="obv",
        family="volume",
        summary="On-balance volume: volume added on rising closes and subtracted on falling ones.",
        formula="obv += volume where close > close before, -= volume where close < close before; 0 on the first bar. "
        "The sum is compensated (Neumaier 1974). The level depends on the first bar: use changes of it.",
        params=(),
        outputs=(Output("", "base currency"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 1 + SUM_SIZE,
        kernel=_obv,
        flat="unchanged",
        source="Granville (1963), Granville's New Key to Stock Market Profits",
        compared="Achelis p. 231 (exact); Tulip obv",
        differences="Begins at 0; TA-Lib begins at the first bar's volume.",
    ),
    Feature(
        name="vwap",
        family="volume",
        summary="Rolling volume-weighted average price.",
        formula="Sum of t * volume over sum of volume, for the last `window` bars, t = (high + low + close) / 3. NaN "
        "while none of them has volume.",
        params=(window(20, "bars averaged", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: 2 * ring_size(p["window"]),
        kernel=_vwap,
        flat="the typical price",
        source="Berkowitz, Logue and Noser (1988), The Total Cost of Transactions on the NYSE, Journal of Finance "
        "43(1), 97-112",
        compared="Stock Indicators vwap.csv, which is anchored at the first bar: equal on the bar where the window "
        "reaches back to it, for many windows (1e-9)",
        differences="Rolling, where the session VWAP starts anew each day: crypto markets have no session.",
    ),
    Feature(
        name="mfi",
        family="volume",
        summary="Money flow index: an RSI of money instead of price changes.",
        formula="100 * up / (up + down), sums over `window` bars of t * volume where t rose and where it fell, "
        "t = (high + low + close) / 3.",
        params=(window(14, "changes summed", low=1),),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + 2 * ring_size(p["window"]),
        kernel=_mfi,
        flat="50",
        source="Quong and Soudack (1989), Volume-Weighted RSI: Money Flow, Technical Analysis of Stocks and "
        "Commodities 7(3)",
        compared="Achelis' companion sheet (printed digits); Tulip mfi; TA-Lib MFI (printed digits)",
        differences="No money either way gives 50; TA-Lib gives 0 for sums below 1, whatever the currency.",
    ),
)
