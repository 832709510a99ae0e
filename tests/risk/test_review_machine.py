"""The review desk as a machine: whatever is done in whatever order, what was asked, sent and refused adds up."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from review_world import Office

from risk.modes.approvals import TIMEOUT_NS
from risk.modes.table import Mode
from risk.review_trail import By
from risk.verdict import Approved
from tests.risk.world import BTC, MARK, buy

keys = some.integers(0, 30)


class Desk(RuleBasedStateMachine):
    """Ask, answer, cancel, change the mode, move price and time."""

    @initialize()
    def open(self) -> None:
        self.office = Office()
        self.asked: dict[str, float] = {}
        self.parked_ns: dict[str, int] = {}
        self.yes_at: dict[str, int] = {}

    def key(self, number: int) -> str:
        return list(self.asked)[number % len(self.asked)] if self.asked else "unknown"

    @rule(quantity=some.sampled_from((0.5, 1.0, 2.0)), price=some.sampled_from((None, 99.0, 100.0)))
    def ask(self, quantity: float, price: float | None) -> None:
        intent = buy(quantity, ts_ns=self.office.now, price=price)
        verdict = self.office.rules.decide(intent, self.office.view)
        if isinstance(verdict, Approved) and self.office.view.mode is Mode.SEMI_AUTO:
            self.office.review.park([intent], (intent,))
            self.asked[intent.client_order_id] = quantity
            self.parked_ns[intent.client_order_id] = self.office.now

    @rule(number=keys, command=some.sampled_from((None, "c-1", "c-2")))
    def approve(self, number: int, command: str | None) -> None:
        self.yes_at.setdefault(self.key(number), self.office.now)
        self.office.review.approve(self.key(number), By("jane", "", command))

    @rule(number=keys, quantity=some.sampled_from((-1.0, 0.0, 0.25, 1.0, 4.0)))
    def amend(self, number: int, quantity: float) -> None:
        self.yes_at.setdefault(self.key(number), self.office.now)
        self.office.review.amend(self.key(number), quantity, By("joe"))

    @rule(number=keys)
    def reject(self, number: int) -> None:
        self.office.review.reject(self.key(number), By("jim"))

    @rule(number=keys)
    def cancel(self, number: int) -> None:
        self.office.review.withdraw_order(self.key(number))

    @rule(mode=some.sampled_from(Mode))
    def change_mode(self, mode: Mode) -> None:
        self.office.view.apply_mode(mode)
        self.office.review.withdraw_all(f"the mode changed to {mode.value}")

    @rule(factor=some.sampled_from((0.5, 1.0, 1.01)))
    def move_price(self, factor: float) -> None:
        self.office.view.apply_mark(BTC, MARK * factor, self.office.now)

    @rule(after_ns=some.sampled_from((0, 1, TIMEOUT_NS // 2, TIMEOUT_NS - 1, TIMEOUT_NS)), alarms_late=some.booleans())
    def move_time(self, after_ns: int, *, alarms_late: bool) -> None:
        self.office.at(self.office.now + after_ns)
        due = [name for name, (ts_ns, _) in self.office.alarms.waiting.items() if ts_ns <= self.office.now]
        if not alarms_late:
            for name in due:
                self.office.alarms.fire(name)

    @invariant()
    def every_request_waits_or_has_ended_once(self) -> None:
        office = self.office
        waiting = {request.key for request in office.review.queue.waiting()}
        for key, quantity in self.asked.items():
            sent = [size for released, size in office.released if released == key]
            refused = sum(released == key for released, _ in office.refused)
            assert len(sent) + refused == len(office.approvals(key)) == (key not in waiting)
            for size in sent:
                assert 0.0 < size <= quantity
                assert self.yes_at[key] - self.parked_ns[key] < TIMEOUT_NS
        assert office.review.statistics().ended == len(self.asked) - len(waiting)
        assert set(office.alarms.waiting) == {f"approval-expires:{key}" for key in waiting}
        assert [lost.key for lost in office.review.snapshot().requests] == [key for key in self.asked if key in waiting]


Desk.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDesk = Desk.TestCase
