"""Charts without noise, as features: Heikin-Ashi bars, Renko bricks of fixed and of average size."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import numpy as np

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, OPEN, Doubles, Feature, Output, Param, window
from strategies.features.smoothing import AVERAGE_SIZE, true_range, wilder

_ROUNDING = 1e-9  # a price that misses a brick by less than this part of its level is on it


def _heikin_ashi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: open before (0 = none yet), close before
    close = 0.25 * (bar[OPEN] + bar[HIGH] + bar[LOW] + bar[CLOSE])
    open_ = 0.5 * (bar[OPEN] + bar[CLOSE]) if state[0] == 0.0 else 0.5 * (state[0] + state[1])
    state[0] = open_
    state[1] = close
    out[0] = open_
    out[1] = max(bar[HIGH], open_, close)
    out[2] = min(bar[LOW], open_, close)
    out[3] = close


def _renko(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: bars seen (0 or 1), upper and lower edge of the last brick in bricks from the origin, direction
    size, origin = params[0], params[1]
    level = (bar[CLOSE] - origin) / size
    slack = _ROUNDING * max(1.0, abs(level))
    if state[0] == 0.0:
        state[0] = 1.0
        state[1] = state[2] = np.floor(level + 0.5)
    bricks = 0.0
    if level > state[1]:
        bricks = np.floor(level - state[1] + slack)
    elif level < state[2]:
        bricks = -np.floor(state[2] - level + slack)
    _move(state, 1, bricks, 1.0)
    out[0] = state[3]
    out[1] = origin + size * (state[2] if state[3] < 0.0 else state[1])
    out[2] = bricks


def _renko_atr(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), average true range, size (0 = none yet), edges of the last brick, direction
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = out[2] = out[3] = NAN
    if before == 0.0:
        return
    reach = wilder(state, 1, int(params[0]), true_range(bar[HIGH], bar[LOW], before))
    if state[1] < params[0]:
        return
    size = 1 + AVERAGE_SIZE
    edges = size + 1
    if state[edges] == 0.0:
        state[size] = reach
        state[edges] = state[edges + 1] = bar[CLOSE]
    bricks = 0.0
    if state[size] > 0.0:
        if bar[CLOSE] > state[edges]:
            bricks = np.floor((bar[CLOSE] - state[edges]) / state[size] + _ROUNDING)
        elif bar[CLOSE] < state[edges + 1]:
            bricks = -np.floor((state[edges + 1] - bar[CLOSE]) / state[size] + _ROUNDING)
    _move(state, edges, bricks, state[size])
    if bricks != 0.0 or state[size] == 0.0:
        state[size] = reach
    out[0] = state[edges + 2]
    out[1] = state[edges + 1] if state[edges + 2] < 0.0 else state[edges]
    out[2] = bricks
    out[3] = state[size]


@inline
def _move(state: Doubles, at: int, bricks: float, size: float) -> None:
    # state: upper edge, lower edge, direction
    if bricks > 0.0:
        state[at] += bricks * size
        state[at + 1] = state[at] - size
        state[at + 2] = 1.0
    elif bricks < 0.0:
        state[at + 1] += bricks * size
        state[at] = state[at + 1] + size
        state[at + 2] = -1.0


_NISON = "Nison (1994), Beyond Candlesticks, ch. 8"
_RENKO_OUTPUTS = (
    Output("direction", "1 rising, -1 falling, 0 before the first brick"),
    Output("price", "price"),
    Output("bricks", "bricks this bar completes, negative where falling"),
)

FEATURES = (
    Feature(
        name="heikin_ashi",
        family="structure",
        summary="Heikin-Ashi: bars averaged with those before.",
        formula="close = (open + high + low + close) / 4; open = (open before + close before) / 2 of these bars, at "
        "first (open + close) / 2; high, low = the extremes of high, low, open and close.",
        params=(),
        outputs=tuple(Output(name, "price") for name in ("open", "high", "low", "close")),
        warmup=lambda _: (1,) * 4,
        state_size=lambda _: 2,
        kernel=_heikin_ashi,
        flat="all four on the price",
        source="Valcu (2004), Using the Heikin-Ashi Technique, Technical Analysis of Stocks and Commodities 22(2)",
        compared="Stock Indicators heikinashi.csv (1e-9)",
        differences="none",
    ),
    Feature(
        name="renko",
        family="structure",
        summary="Renko bricks of a fixed size, from closes.",
        formula="Bricks lie on the grid origin + k * brick; the first close, rounded to the grid, is the first edge. "
        "A close at least a brick above the upper edge of the last brick completes as many rising bricks as fit, one "
        "below its lower edge falling ones. price = where the last brick ends.",
        params=(
            Param(name="brick", default=1.0, low=1e-8, high=1e8, meaning="height of a brick, in price"),
            Param(name="origin", default=0.0, low=0.0, high=1e9, meaning="a price that lies on the grid"),
        ),
        outputs=_RENKO_OUTPUTS,
        warmup=lambda _: (1,) * 3,
        state_size=lambda _: 4,
        kernel=_renko,
        flat="direction 0, no bricks, price on the grid beside the price",
        source=_NISON,
        compared="Stock Indicators renko.csv: every brick (1e-9); renko-atr.csv with its size and origin given (1e-9)",
        differences="The grid begins at the origin; Stock Indicators rounds the first close to the decimals of the "
        "brick's size, which is the same for 1.",
    ),
    Feature(
        name="renko_atr",
        family="structure",
        summary="Renko bricks as high as the average true range, from closes.",
        formula="As renko, from the first close with an ATR(window), which is the first edge. Bricks are as high as "
        "the ATR was on the bar that completed the last brick, at first on the first such bar; size = that height.",
        params=(window(14, "bars of the average true range", low=1),),
        outputs=(*_RENKO_OUTPUTS, Output("size", "price")),
        warmup=lambda p: (p["window"] + 1,) * 4,
        state_size=lambda _: 5 + AVERAGE_SIZE,
        kernel=_renko_atr,
        flat="direction 0, no bricks, price on the price, size 0",
        source=_NISON,
        compared="No published values; slow reference in the tests",
        differences="Stock Indicators takes the ATR of the history's last bar for every brick, which nobody knew "
        "before: see renko for a comparison with its values.",
    ),
)
