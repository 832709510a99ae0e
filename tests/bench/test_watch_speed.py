"""What watching positions costs: the budget is 5 ms of processor time for a pass over 10,000 of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from risk.account_margin import MarginAccounts
from risk.alarms import Alarms
from risk.audit import AuditLog
from risk.book import InstrumentFacts
from risk.guardian import Guardian
from risk.modes.table import Mode
from risk.position_watch import Schedules, watch
from risk.view import View
from tests.risk.desk_world import FakeDesk, Timeline
from tests.risk.world import NOW, Step

pytestmark = pytest.mark.bench

POSITIONS = 10_000
PASSES = 40
STEPS = tuple(
    Step(30_000.0 * i, 30_000.0 * (i + 1), 0.004 + 0.01 * i, 150.0 * i * (i + 1), 125.0 / (i + 1)) for i in range(10)
)
"""Ten brackets that join without a jump, as many as large contracts have."""


class Margins:
    """One venue, every position cross-margined or every one isolated."""

    def __init__(self, margin: float | None) -> None:
        self.margin = margin

    def wallet(self, venue: str) -> float:
        return 5e9 if venue else 0.0

    def isolated_margin(self, instrument: str) -> float | None:
        return self.margin if instrument else None


def milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return the least and the median processor time of a call."""
    call()
    taken = []
    for _ in range(PASSES):
        start = time.thread_time()
        call()
        taken.append(1e3 * (time.thread_time() - start))
    return min(taken), float(np.median(taken))


def crowd() -> View:
    """Return an account with positions of all sizes, half of them short."""
    view = View(mode=Mode.FULL_AUTO, cash=5e9, ts_ns=NOW)
    for number in range(POSITIONS):
        name = f"X{number}-PERP.BINANCE"
        view.set_facts(
            InstrumentFacts(instrument=name, spot=False, size_increment=0.001, leverage=10.0, brackets=STEPS)
        )
        view.apply_mark(name, 100.0, NOW)
        view.apply_position(name, (1.0 + number % 2_500) * (-1.0) ** number, 99.0)
    return view


@pytest.mark.parametrize("margin", [None, 50_000.0], ids=["cross", "isolated"])
def test_a_pass_over_ten_thousand_positions_stays_within_its_budget(margin: float | None) -> None:
    timeline = Timeline(NOW)
    alarms: Alarms = timeline
    margins: MarginAccounts = Margins(margin)
    guardian = Guardian(view=crowd(), desk=FakeDesk(timeline), alarms=alarms, audit=AuditLog(), margins=margins)

    least, median = milliseconds(lambda: guardian.check(NOW))
    print(f"\n{POSITIONS:,} positions: least {least:.2f} ms, median {median:.2f} ms a pass")
    assert guardian.distance_min > 0.10
    assert least < 5.0


@pytest.mark.parametrize("isolated", [0, 1], ids=["cross", "isolated"])
def test_the_compiled_part_takes_a_fraction_of_it(isolated: int) -> None:
    schedules = Schedules()
    first, last = schedules.span(STEPS)
    size = np.arange(1.0, POSITIONS + 1.0) % 2_500 + 1.0
    columns = (
        size * np.where(np.arange(POSITIONS) % 2, 1.0, -1.0),
        np.full(POSITIONS, 99.0),
        np.full(POSITIONS, 100.0),
        np.full(POSITIONS, 50_000.0),
        np.full(POSITIONS, isolated),
        np.zeros(POSITIONS, dtype=np.int64),
        np.full(POSITIONS, first),
        np.full(POSITIONS, last),
        schedules,
        np.array([5e9]),
    )

    least, median = milliseconds(lambda: watch(*columns))
    print(f"\ncompiled: least {least:.2f} ms, median {median:.2f} ms a pass")
    assert least < 2.0


def test_a_pass_over_an_ordinary_book_is_cheap() -> None:
    view = View(mode=Mode.FULL_AUTO, cash=1e6, ts_ns=NOW)
    for number in range(20):
        name = f"X{number}-PERP.BINANCE"
        view.set_facts(
            InstrumentFacts(instrument=name, spot=False, size_increment=0.001, leverage=10.0, brackets=STEPS)
        )
        view.apply_mark(name, 100.0, NOW)
        view.apply_position(name, 10.0, 99.0)
    timeline = Timeline(NOW)
    guardian = Guardian(view=view, desk=FakeDesk(timeline), alarms=timeline, audit=AuditLog(), margins=Margins(None))

    least, median = milliseconds(lambda: guardian.check(NOW))
    print(f"\n20 positions: least {1e3 * least:.0f} us, median {1e3 * median:.0f} us a pass")
    assert least < 1.0
