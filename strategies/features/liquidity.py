"""Liquidity from bars alone: Amihud's illiquidity, the spreads of Roll and of Corwin and Schultz."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, VOLUME, Doubles, Feature, Output, window
from strategies.features.smoothing import ratio
from strategies.features.trade_flow import roll, roll_size
from strategies.features.windows import filled, mean, push, ring_size

_MILLION = 1e6
_ROOT_EXCESS = 3.0 - 2.0 * math.sqrt(2.0)


def _amihud(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), ring of returns over money, ring that says which of them have money
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    money = bar[CLOSE] * bar[VOLUME]
    traded = ring_size(bars)
    start = push(state, 1, bars, ratio(abs(bar[CLOSE] / before - 1.0), money, 0.0))
    push(state, 1 + traded, bars, 1.0 if money > 0.0 else 0.0)
    if filled(state, 1, bars):
        # bars without volume are 0 in both means
        out[0] = _MILLION * ratio(mean(state, start, bars), mean(state, start + traded, bars), NAN)


def _roll_closes(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    spread = roll(bar[CLOSE], int(params[0]), state)
    out[0] = spread
    out[1] = 1e4 * spread / bar[CLOSE]


def _corwin_schultz(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: high, low and close before (0 = none yet), ring of spreads of two bars
    high_before, low_before, close_before = state[0], state[1], state[2]
    state[0], state[1], state[2] = bar[HIGH], bar[LOW], bar[CLOSE]
    out[0] = NAN
    if close_before == 0.0:
        return
    pairs = int(params[0])
    high, low = bar[HIGH], bar[LOW]
    # a gap between the close before and this range is no part of either range: the range is moved back over it
    if bar[LOW] > close_before:
        high, low = close_before + (bar[HIGH] - bar[LOW]), close_before
    elif bar[HIGH] < close_before:
        high, low = close_before, close_before - (bar[HIGH] - bar[LOW])
    now, before = math.log(high / low), math.log(high_before / low_before)
    both = math.log(max(high, high_before) / min(low, low_before))
    beta = now * now + before * before
    alpha = (math.sqrt(2.0 * beta) - math.sqrt(beta)) / _ROOT_EXCESS - math.sqrt(both * both / _ROOT_EXCESS)
    spread = 2.0 * math.tanh(0.5 * alpha)  # 2 * (e^alpha - 1) / (1 + e^alpha)
    start = push(state, 3, pairs, max(spread, 0.0))
    if filled(state, 3, pairs):
        out[0] = mean(state, start, pairs)


FEATURES = (
    Feature(
        name="amihud",
        family="liquidity",
        summary="Amihud's illiquidity: return per money traded.",
        formula="1e6 * mean of |close / close before - 1| / (close * volume) over those of the last `window` bars that "
        "have volume: the return, as a fraction, that a million in quote currency comes with.",
        params=(window(20, "returns averaged", low=1),),
        outputs=(Output("", "fraction per million of quote currency"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + 2 * ring_size(p["window"]),
        kernel=_amihud,
        flat="0",
        absent="while no bar of the window has volume",
        source="Amihud (2002), Illiquidity and Stock Returns: Cross-Section and Time-Series Effects, Journal of "
        "Financial Markets 5(1), 31-56, eq. 1 (times 1e6, as there)",
        compared="No published values; slow reference in the tests",
        differences="Money is close times volume, since bars do not carry the money itself.",
    ),
    Feature(
        name="roll",
        family="liquidity",
        summary="Roll's effective spread from the bouncing of closes.",
        formula="2 * sqrt(-cov(dc, dc before)) over the last `window` pairs of successive changes of the close, "
        "population covariance; 0 where the covariance is positive.",
        params=(window(20, "pairs of changes"),),
        outputs=(Output("spread", "price"), Output("spread_bps", "basis points of the close")),
        warmup=lambda p: (p["window"] + 2,) * 2,
        state_size=roll_size,
        kernel=_roll_closes,
        flat="0",
        source="Roll (1984), A Simple Implicit Measure of the Effective Bid-Ask Spread in an Efficient Market, "
        "Journal of Finance 39(4), 1127-1139, eq. 1",
        compared="No published values; slow reference in the tests",
        differences="A positive covariance gives 0; Roll leaves it without value. `roll_trades` is the same on trades.",
    ),
    Feature(
        name="corwin_schultz",
        family="liquidity",
        summary="Corwin and Schultz's spread from highs and lows.",
        formula="For each bar and the one before: b = sum of both ln(high / low)^2, g = ln(highest high / lowest "
        "low)^2 of both, a = (sqrt(2 b) - sqrt(b)) / (3 - 2 sqrt 2) - sqrt(g / (3 - 2 sqrt 2)), "
        "spread = 2 (e^a - 1) / (1 + e^a), 0 where negative; mean of the last `window` pairs. A bar that opens a gap, "
        "its low above or its high below the close before, is first moved back to that close.",
        params=(window(20, "pairs of bars averaged", low=1),),
        outputs=(Output("", "fraction of the price"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 3 + ring_size(p["window"]),
        kernel=_corwin_schultz,
        flat="0",
        source="Corwin and Schultz (2012), A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices, "
        "Journal of Finance 67(2), 719-760, eq. 14 and 18, section II.C (gaps, negative values)",
        compared="No published values; slow reference in the tests; recovers the spread of simulated bars",
        differences="They average over a month; here over a window. Lopez de Prado (2018, ch. 19) averages b over the "
        "window before taking its root, and does not move back gaps. Bars without a range are taken as they are; the "
        "authors' program takes the range of the day before for them.",
    ),
)
