"""What holding a perpetual costs in funding at any moment: published rates, next payment, carry over a horizon."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from catalog.model import F64, I64, BarColumns, FundingColumns
from errors import PreconditionError
from strategies.analysis.recorded import newest_at
from strategies.features.events import EventKind, Events
from strategies.features.eventset import EventSet
from strategies.features.spec import FeatureSpec

HOUR_NS = 3_600_000_000_000
INTERVALS_H = (1, 2, 4, 8)
"""Hours between payments that venues use; any other distance is a hole in the data, not a new interval."""


class FundingClock(NamedTuple):
    """
    The next payment as known at some moments.

    Attributes
    ----------
    next_ns : int64[n]
        When it falls due: strictly after the moment, the newest interval after the newest payment, and so on where a
        rate is overdue. 0 where no rate was published yet.
    hours : float64[n]
        From the moment to it; NaN where no rate was published yet.
    interval_hours : float64[n]

    """

    next_ns: I64
    hours: F64
    interval_hours: F64


def funding_events(funding: FundingColumns, *, interval_hours: int = 8) -> Events:
    """
    Return published rates as events, each at its payment.

    The interval of a payment is its distance from the payment before, to the full hour, if venues use such a one, else
    the interval before; `interval_hours` for the first.
    """
    hours = np.empty(len(funding.ts_ns))
    newest = float(interval_hours)
    distances = np.rint(np.diff(funding.ts_ns, prepend=funding.ts_ns[:1]) / HOUR_NS).astype(int)
    for row, distance in enumerate(distances.tolist()):
        if distance in INTERVALS_H:
            newest = float(distance)
        hours[row] = newest
    return Events(EventKind.FUNDING, funding.ts_ns, np.column_stack([funding.rate, hours]))


def clock(ts_ns: I64, payments: Events) -> FundingClock:
    """
    Return the next payment as known at each moment.

    Parameters
    ----------
    ts_ns : int64[n]
        Moments, UTC.
    payments : Events
        As `funding_events` gives them. Stamps some milliseconds late count as the full hour.

    """
    due = np.rint(payments.ts_ns / HOUR_NS).astype(np.int64) * HOUR_NS
    known = newest_at(ts_ns, payments.ts_ns, np.column_stack([due / HOUR_NS, payments.values[:, 1]]))
    seen = ~np.isnan(known[:, 1])
    interval_ns = np.where(seen, known[:, 1], 1.0).astype(np.int64) * HOUR_NS
    last_ns = np.where(seen, known[:, 0], 0.0).astype(np.int64) * HOUR_NS
    passed = np.maximum((ts_ns - last_ns) // interval_ns, 0) + 1
    next_ns = np.where(seen, last_ns + passed * interval_ns, 0)
    hours = np.where(seen, (next_ns - ts_ns) / HOUR_NS, np.nan)
    return FundingClock(next_ns, hours, known[:, 1])


def carry(ts_ns: I64, payments: Events, *, horizon_hours: float, window: int = 90) -> F64:
    """
    Return what a long opened at each moment is expected to pay until `horizon_hours` later.

    Counts the payments due after the moment and not after its end, each at its forecast: for the j-th after the newest
    published rate r, m + phi^j (r - m), as `funding_forecast` has them.

    Parameters
    ----------
    ts_ns : int64[n]
        Moments, UTC.
    payments : Events
        As `funding_events` gives them.
    horizon_hours : float
        How long the position is held, above 0.
    window : int
        Payments the forecast looks back on.

    Returns
    -------
    float64[n]
        Fraction of the position at mark, + a long pays; NaN until the forecast is warm, 0 where no payment falls due.

    """
    if not horizon_hours > 0.0:
        raise ValueError(f"horizon_hours must be above 0, was {horizon_hours}")
    rows = EventSet([FeatureSpec("funding_forecast", {"window": window}), FeatureSpec("funding_rate")]).batch(payments)
    _, usual, persistence, rate, _ = newest_at(ts_ns, payments.ts_ns, rows).T
    due = clock(ts_ns, payments)
    end_ns = ts_ns + np.int64(round(horizon_hours * HOUR_NS))
    interval_ns = np.where(np.isnan(due.interval_hours), 1.0, due.interval_hours).astype(np.int64) * HOUR_NS
    count = np.maximum((end_ns - due.next_ns) // interval_ns + 1, 0)
    # an overdue rate means that the first payment ahead is not the first after the newest published one
    newest_ns = newest_at(ts_ns, payments.ts_ns, payments.ts_ns[:, None] / HOUR_NS)[:, 0] * HOUR_NS
    first = np.maximum(np.rint((due.next_ns - newest_ns) / interval_ns), 1.0)
    faded = persistence**first * (1.0 - persistence**count) / (1.0 - persistence)
    return np.asarray(count * usual + faded * (rate - usual))


def funding_at(ts_ns: I64, funding: FundingColumns, specs: tuple[FeatureSpec, ...]) -> F64:
    """
    Return features of the published rates as known at each moment, such as the closes of bars.

    Parameters
    ----------
    ts_ns : int64[n]
        Moments, UTC. A rate published at the very moment is known.
    funding : FundingColumns
    specs : tuple of FeatureSpec
        Features of funding payments.

    Returns
    -------
    float64[n, columns]
        NaN before the first payment and until warm.

    """
    payments = funding_events(funding)
    return newest_at(ts_ns, payments.ts_ns, EventSet(specs).batch(payments))


def mark_events(mark: BarColumns, reference: BarColumns) -> Events:
    """
    Return the closes of mark bars beside those of index or last-price bars, where both have a bar.

    Raises
    ------
    PreconditionError
        If no two bars close at the same time.

    """
    ts_ns, left, right = np.intersect1d(mark.ts_ns, reference.ts_ns, assume_unique=True, return_indices=True)
    if not len(ts_ns):
        raise PreconditionError("mark and reference bars never close at the same time")
    return Events(EventKind.MARK, ts_ns, np.column_stack([mark.close[left], reference.close[right]]))
