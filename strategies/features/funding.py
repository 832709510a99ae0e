"""Features of a perpetual's costs: funding level, z-score, forecast and carry; basis of the mark price."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.events import INTERVAL_HOURS, MARK, RATE, REFERENCE, EventFeature, EventKind
from strategies.features.kernel import NAN, Doubles, Output, Param, Params, window
from strategies.features.paired import slope
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, lift, mean, push, ring_size, variance

_HOURS_PER_YEAR = 8760.0
_PERSISTENCE_MAX = 0.999


def _funding_rate(ts_ns: int, payment: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = payment[RATE]
    out[1] = payment[RATE] * _HOURS_PER_YEAR / payment[INTERVAL_HOURS]


def _funding_zscore(ts_ns: int, payment: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = _zscore(state, int(params[0]), payment[RATE] / payment[INTERVAL_HOURS])


@inline
def _zscore(state: Doubles, count: int, value: float) -> float:
    start = push(state, 0, count, value)
    if not filled(state, 0, count):
        return NAN
    lifted = lift(state, start, count)
    return ratio(value - state[start] - lifted, math.sqrt(variance(state, start, count, lifted)), 0.0)


@inline
def _forecast(state: Doubles, count: int, hourly: float, expected: Doubles) -> bool:
    """
    Write mean and persistence of the hourly rate to `expected`; return whether there are enough payments.

    The state holds whether there was a payment, its hourly rate, and two rings.
    """
    known, before = state[0] == 1.0, state[1]
    state[0] = 1.0
    state[1] = hourly
    if not known:
        return False
    rates = 2 + ring_size(count)
    x = push(state, 2, count, before)
    y = push(state, rates, count, hourly)
    if not filled(state, 2, count):
        return False
    expected[0] = mean(state, y, count)
    expected[1] = min(max(slope(state, x, y, count), 0.0), _PERSISTENCE_MAX)
    return True


def _forecast_size(p: Params) -> int:
    return 2 + 2 * ring_size(p["window"])


def _funding_forecast(ts_ns: int, payment: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    hourly = payment[RATE] / payment[INTERVAL_HOURS]
    # the answers themselves hold mean and persistence in between
    if not _forecast(state, int(params[0]), hourly, out):
        out[0] = out[1] = out[2] = NAN
        return
    usual, persistence = out[0], out[1]
    out[0] = (usual + persistence * (hourly - usual)) * payment[INTERVAL_HOURS]
    out[1] = usual * payment[INTERVAL_HOURS]
    out[2] = persistence


def _funding_carry(ts_ns: int, payment: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    hourly = payment[RATE] / payment[INTERVAL_HOURS]
    if not _forecast(state, int(params[0]), hourly, out):
        out[0] = out[1] = NAN
        return
    usual, persistence = out[0], out[1]
    # a payment that falls on the end of the horizon is in it; hours are whole, so the allowance only meets rounding
    payments = math.floor(params[1] / payment[INTERVAL_HOURS] + 1e-9)
    faded = persistence * (1.0 - persistence**payments) / (1.0 - persistence)
    out[0] = (payments * usual + faded * (hourly - usual)) * payment[INTERVAL_HOURS]
    out[1] = payments


def _mark_basis(ts_ns: int, prices: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    basis = 1e4 * (prices[MARK] - prices[REFERENCE]) / prices[REFERENCE]
    out[0] = basis
    out[1] = _zscore(state, int(params[0]), basis)


_BINANCE = "Binance, Introduction to Binance Futures Funding Rates (venue documentation)"
_HE = "He, Manela, Ross and von Wachter (2022), Fundamentals of Perpetual Futures, arXiv:2212.06888"
_SLOW = "No published values; slow reference in the tests"

FEATURES = (
    EventFeature(
        name="funding_rate",
        family="funding",
        kind=EventKind.FUNDING,
        summary="The newest published funding rate, per payment and as a year's sum.",
        formula="rate as published, + a long pays; per_year = rate * 8760 / hours between payments, not compounded.",
        params=(),
        outputs=(Output("payment", "fraction of the position"), Output("per_year", "fraction of the position")),
        warmup=lambda _: (1, 1),
        state_size=lambda _: 0,
        kernel=_funding_rate,
        flat="the rate",
        source=_BINANCE,
        compared=_SLOW,
        differences="A year has 365 days.",
    ),
    EventFeature(
        name="funding_zscore",
        family="funding",
        kind=EventKind.FUNDING,
        summary="How unusual the newest funding rate is.",
        formula="(rate per hour - its mean) / population standard deviation, over the last `window` payments.",
        params=(window(90, "payments"),),
        outputs=(Output("", "standard deviations"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_funding_zscore,
        flat="0",
        source=_HE + "; z-score as of `zscore`",
        compared=_SLOW,
        differences="Per hour, so that a venue's change from 8 to 4 hours between payments is no jump.",
    ),
    EventFeature(
        name="funding_forecast",
        family="funding",
        kind=EventKind.FUNDING,
        summary="The next funding rate, as an autoregression of the published ones expects it.",
        formula="payment = m + phi * (rate - m), with m the mean of the last `window` rates and phi the least-squares "
        "slope of each on the one before, kept within 0 and 0.999; rates per hour, times the hours between payments. "
        "A long of quantity q is expected to pay payment * q * mark.",
        params=(window(90, "payments in the regression", low=3),),
        outputs=(
            Output("payment", "fraction of the position"),
            Output("mean", "fraction of the position"),
            Output("persistence", "fraction, 0 to 1"),
        ),
        warmup=lambda p: (p["window"] + 1,) * 3,
        state_size=_forecast_size,
        kernel=_funding_forecast,
        flat="the rate",
        source="Box, Jenkins and Reinsel (2008), Time Series Analysis, 4th ed., section 5.1 (AR(1) forecasts); " + _HE,
        compared=_SLOW + " (numpy.polyfit); on six years of Binance BTCUSDT its error is below the mean rate's",
        differences="From published rates alone. The venue's own estimate for the running interval, an average of the "
        "premium index, is better near its end and is not in the history.",
    ),
    EventFeature(
        name="funding_carry",
        family="funding",
        kind=EventKind.FUNDING,
        summary="What holding a long is expected to pay in funding over a horizon, from the newest payment on.",
        formula="Sum of the forecasts m + phi^j * (rate - m), j = 1 to the number of payments in `horizon_hours`; m "
        "and phi as of `funding_forecast`. Counted from the payment; for any other moment see "
        "`strategies.analysis.funding.carry`.",
        params=(
            window(90, "payments in the regression", low=3),
            Param(name="horizon_hours", default=72.0, low=1.0, high=8760.0, meaning="hours the position is held"),
        ),
        outputs=(Output("rate", "fraction of the position, + a long pays"), Output("payments", "payments")),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=_forecast_size,
        kernel=_funding_carry,
        flat="the rate times the payments",
        source="Box, Jenkins and Reinsel (2008), Time Series Analysis, 4th ed., section 5.1; " + _HE,
        compared=_SLOW,
        differences="The mark price is taken to stay where it is.",
    ),
    EventFeature(
        name="mark_basis",
        family="funding",
        kind=EventKind.MARK,
        summary="How far the mark price lies above the index, or the last price, and how unusual that is.",
        formula="bps = 1e4 * (mark - reference) / reference; zscore over the last `window` moments, population "
        "standard deviation.",
        params=(window(168, "moments in the z-score"),),
        outputs=(Output("bps", "basis points of the reference"), Output("zscore", "standard deviations")),
        warmup=lambda p: (1, p["window"]),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_mark_basis,
        flat="0",
        source=_HE,
        compared=_SLOW,
        differences="The reference is what the caller has: the index where there is one, else the last price, which "
        "then measures how far the last trade strayed.",
    ),
)
