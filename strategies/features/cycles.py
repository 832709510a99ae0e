"""Ehlers's cycle measures: MAMA and FAMA, the instantaneous trend line, dominant cycle, phase and trend mode."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.hilbert import HILBERT_SIZE, IN_PHASE, PERIOD, QUADRATURE, hilbert, weighted_four
from strategies.features.kernel import HIGH, LOW, NAN, Doubles, Feature, Output, Param, Params
from strategies.features.windows import mean, newest, push, ring_size

_SEED_BARS = 6
_LONGEST = 50  # bars: the longest dominant cycle
_LINE_BARS = 11  # bars before the trend line has four trends to smooth
_DEGREES = 180.0 / math.pi

# places in the state of the trend line, after the Hilbert transform
_SMOOTH_PERIOD = HILBERT_SIZE
_TRENDS = _SMOOTH_PERIOD + 1
_PRICES = _TRENDS + ring_size(4)
_TREND_SIZE = _PRICES + ring_size(_LONGEST)
# and of the cycle, after that
_PHASE = _TREND_SIZE
_SINE = _PHASE + 1
_LEAD = _SINE + 1
_DAYS = _LEAD + 1
_SMOOTHS = _DAYS + 1
_CYCLE_SIZE = _SMOOTHS + ring_size(_LONGEST)


def _mama(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: Hilbert transform, phase, MAMA, FAMA, ring of prices
    phase_at = HILBERT_SIZE
    prices = phase_at + 3
    price = 0.5 * (bar[HIGH] + bar[LOW])
    start = push(state, prices, _SEED_BARS, price)
    count = state[prices]
    out[0] = out[1] = NAN
    if count < _SEED_BARS:
        return
    if count == _SEED_BARS:
        state[phase_at + 1] = state[phase_at + 2] = mean(state, start, _SEED_BARS)
    else:
        hilbert(state, 0, weighted_four(state, start + _SEED_BARS - 1))
        before = state[phase_at]
        in_phase = state[IN_PHASE]
        state[phase_at] = math.atan(state[QUADRATURE] / in_phase) * _DEGREES if in_phase != 0.0 else 0.0
        weight = max(params[0] / max(before - state[phase_at], 1.0), params[1])
        state[phase_at + 1] += weight * (price - state[phase_at + 1])
        state[phase_at + 2] += 0.5 * weight * (state[phase_at + 1] - state[phase_at + 2])
    out[0] = state[phase_at + 1]
    out[1] = state[phase_at + 2]


@inline
def _trend_line(state: Doubles, price: float) -> int:
    """Take a price in; return how many bars the dominant cycle has, 0 before it is measured."""
    last = push(state, _PRICES, _LONGEST, price) + _LONGEST - 1
    count = int(state[_PRICES])
    if count <= _SEED_BARS:
        return 0
    hilbert(state, 0, weighted_four(state, last))
    state[_SMOOTH_PERIOD] = 0.33 * state[PERIOD] + 0.67 * state[_SMOOTH_PERIOD]
    bars = min(int(state[_SMOOTH_PERIOD] + 0.5), count)
    push(state, _TRENDS, 4, mean(state, last - bars + 1, bars) if bars > 0 else price)
    return bars


def _hilbert_trendline(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    price = 0.5 * (bar[HIGH] + bar[LOW])
    bars = _trend_line(state, price)
    count = state[_PRICES]
    out[0] = weighted_four(state, newest(state, _TRENDS) + 4 - 1) if count > _LINE_BARS else price
    out[1] = float(bars) if bars > 0 else NAN
    out[2] = weighted_four(state, newest(state, _PRICES) + _LONGEST - 1) if count > _SEED_BARS else NAN


@inline
def _phase(state: Doubles, last: int, bars: int) -> float:
    """Return the phase, in degrees, of the wave of `bars` bars that fits the smoothed prices up to `last`."""
    origin = state[last]
    turn = 2.0 * math.pi / bars
    turn_cos, turn_sin = math.cos(turn), math.sin(turn)
    cosine, sine = 1.0, 0.0
    real = imaginary = 0.0
    for back in range(bars):
        # over a whole wave the sines and cosines cancel, so the origin changes nothing but the rounding
        price = state[last - back] - origin
        real += sine * price
        imaginary += cosine * price
        cosine, sine = cosine * turn_cos - sine * turn_sin, sine * turn_cos + cosine * turn_sin
    if imaginary != 0.0:
        angle = math.atan(real / imaginary) * _DEGREES
    else:
        angle = 90.0 if real > 0.0 else -90.0 if real < 0.0 else 0.0
    return angle + (270.0 if imaginary < 0.0 else 90.0)


def _hilbert_cycle(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = out[1] = out[2] = out[3] = out[4] = NAN
    bars = _trend_line(state, 0.5 * (bar[HIGH] + bar[LOW]))
    count = state[_PRICES]
    if count <= _SEED_BARS:
        return
    smooth = weighted_four(state, newest(state, _PRICES) + _LONGEST - 1)
    last = push(state, _SMOOTHS, _LONGEST, smooth) + _LONGEST - 1
    period = state[_SMOOTH_PERIOD]
    if count >= 33.0:
        out[0] = period
    if count <= _LINE_BARS:
        return
    before, sine_before, lead_before = state[_PHASE], state[_SINE], state[_LEAD]
    # the smoothing lags by one bar
    phase = _phase(state, last, bars) + 360.0 / period
    if phase > 315.0:
        phase -= 360.0
    sine = math.sin(phase / _DEGREES)
    lead = math.sin((phase + 45.0) / _DEGREES)
    line = weighted_four(state, newest(state, _TRENDS) + 4 - 1)
    crossed = (sine > lead and sine_before <= lead_before) or (sine < lead and sine_before >= lead_before)
    state[_PHASE], state[_SINE], state[_LEAD] = phase, sine, lead
    state[_DAYS] = 1.0 if crossed else state[_DAYS] + 1.0
    moved = (phase - before) * period / 360.0
    cycling = crossed or state[_DAYS] < 0.5 * period or 0.67 < moved < 1.5
    if count >= 64.0:
        out[1] = phase
        out[2] = sine
        out[3] = lead
        out[4] = 0.0 if cycling and abs(smooth - line) < 0.015 * line else 1.0


def _slow_at_most_fast(p: Params) -> str:
    return "" if p["slow"] <= p["fast"] else f"slow must be at most fast, were {p['slow']} and {p['fast']}"


_ROCKET = "Ehlers (2001), Rocket Science for Traders, Wiley"
_TRANSFORM = (
    "Price is (high + low) / 2, smoothed over four bars with weights 4, 3, 2, 1; the period comes from Ehlers's "
    "Hilbert transform and homodyne discriminator, from 6 to 50 bars, started at zero on bar 7. "
)

FEATURES = (
    Feature(
        name="mama",
        family="cycles",
        summary="MESA adaptive moving average and its follower: as fast as the phase of the price turns.",
        formula=_TRANSFORM + "w = max(fast / max(phase before - phase, 1), slow), phase = atan(quadrature / in-phase) "
        "in degrees; mama += w * (price - mama); fama += w / 2 * (mama - fama); both start on the mean of the "
        "first six prices.",
        params=(
            Param(name="fast", default=0.5, low=0.01, high=1.0, meaning="largest weight of a price"),
            Param(name="slow", default=0.05, low=0.001, high=1.0, meaning="smallest weight of a price"),
        ),
        outputs=(Output("mama", "price"), Output("fama", "price")),
        warmup=lambda _: (_SEED_BARS,) * 2,
        state_size=lambda _: HILBERT_SIZE + 3 + ring_size(_SEED_BARS),
        kernel=_mama,
        flat="the price",
        source="Ehlers (2001), MAMA: the Mother of Adaptive Moving Averages, Technical Analysis of Stocks and "
        "Commodities 19(10)",
        compared="Stock Indicators mama.csv (1e-9); TA-Lib MAMA once the start has faded (1e-9)",
        differences="TA-Lib starts the transform on bar 13 and gives values from bar 33; they approach these.",
        requires=_slow_at_most_fast,
    ),
    Feature(
        name="hilbert_trendline",
        family="cycles",
        summary="Instantaneous trend line: the price averaged over one dominant cycle, which takes the cycle out.",
        formula=_TRANSFORM + "period = 0.33 * measured + 0.67 * before, rounded; trend = mean of the last `period` "
        "prices; trendline = trends of four bars weighted 4, 3, 2, 1, the price itself on the first eleven bars; "
        "smooth = the smoothed price.",
        params=(),
        outputs=(Output("trendline", "price"), Output("period", "bars"), Output("smooth", "price")),
        warmup=lambda _: (1, 8, 7),
        state_size=lambda _: _TREND_SIZE,
        kernel=_hilbert_trendline,
        flat="the price; the period settles within its bounds",
        source=_ROCKET + ", ch. 10",
        compared="Stock Indicators htl.csv (1e-9); TA-Lib HT_TRENDLINE once the start has faded (1e-9)",
        differences="TA-Lib waits for 63 bars.",
    ),
    Feature(
        name="hilbert_cycle",
        family="cycles",
        summary="Dominant cycle: its period and phase, the sine wave of that phase, and whether the market trends.",
        formula=_TRANSFORM + "period = 0.33 * measured + 0.67 * before; phase of the wave of that many bars which fits "
        "the smoothed prices, advanced by one bar, -45 to 315 degrees; sine = sin(phase), lead_sine = sin(phase + 45). "
        "trend_mode is 0 within half a period of a crossing of the two sines, or while the phase moves 0.67 to 1.5 "
        "times as fast as the period says, unless the smoothed price is 1.5 % off the trend line; else 1.",
        params=(),
        outputs=(
            Output("period", "bars"),
            Output("phase", "degrees"),
            Output("sine", "-1 to 1"),
            Output("lead_sine", "-1 to 1"),
            Output("trend_mode", "0 or 1"),
        ),
        warmup=lambda _: (33, 64, 64, 64, 64),
        state_size=lambda _: _CYCLE_SIZE,
        kernel=_hilbert_cycle,
        flat="phase of a wave without height, trend mode 1",
        source=_ROCKET + ", ch. 7, 9 and 11",
        compared="TA-Lib HT_DCPERIOD, HT_DCPHASE, HT_SINE and HT_TRENDMODE of the same price, once the start has faded "
        "(1e-9)",
        differences="TA-Lib starts the transform on another bar; equal once that has faded. Where the fitted wave has "
        "no cosine part the phase is taken from its sine part alone, as Ehlers does.",
    ),
)
