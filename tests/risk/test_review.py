"""The review desk by itself: answers, amendments, ends without an answer, and what is kept of them."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from review_world import Office

from risk.audit import AuditLog
from risk.modes.approvals import TIMEOUT_NS, ApprovalQueue, Outcome
from risk.modes.operators import LatencyConfig, Operator, OperatorConfig, Over, Policy, RulesConfig, Spread
from risk.modes.response_times import ResponseTally, ReviewStatistics, nearest_rank
from risk.modes.table import Mode
from risk.review import SIMULATED
from risk.review_trail import By, ReviewSnapshot, lost_requests
from risk.verdict import Reason, Refusal
from tests.risk.world import BTC, MARK, NOW, SECOND, buy

JANE = By("jane", "looks right")


def test_an_approval_sends_once_and_the_second_yes_finds_nothing() -> None:
    office = Office()
    key = office.ask()

    first, second = office.review.approve(key, JANE), office.review.approve(key, By("joe"))

    assert first.sent
    assert second.outcome is None
    assert not second.sent
    assert office.released == [(key, 1.0)]


def test_a_repeated_command_gets_its_first_reply_and_does_nothing() -> None:
    office = Office()
    key = office.ask(2.0)
    command = By("jane", "smaller", "c-1")

    first = office.review.amend(key, 1.0, command)
    again = office.ask(2.0, price=100.1)
    repeated = office.review.amend(again, 1.0, command)

    assert repeated == first
    assert office.released == [(key, 1.0)]
    assert office.review.queue.get(again) is not None
    assert len(office.audit.records) == 1


def test_a_yes_after_the_price_left_the_collar_sends_nothing() -> None:
    office = Office()
    key = office.ask(price=MARK)
    office.view.apply_mark(BTC, 0.8 * MARK, NOW)

    reply = office.review.approve(key, JANE)

    assert reply.outcome is Outcome.APPROVED
    assert isinstance(reply.verdict, Refusal)
    assert reply.verdict.reason is Reason.PRICE_OUTSIDE_COLLAR
    assert office.released == []
    assert office.approvals(key)[0]["verdict"].startswith("PRICE_OUTSIDE_COLLAR")
    assert office.review.statistics().refused_at_recheck == 1


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.EMERGENCY])
def test_a_yes_after_the_mode_changed_sends_nothing(mode: Mode) -> None:
    office = Office()
    key = office.ask()
    office.view.apply_mode(mode)

    assert not office.review.approve(key, JANE).sent
    assert office.refused[0][1].reason is Reason.MODE_FORBIDS


@pytest.mark.parametrize(
    ("after_ns", "sent"), [(0, True), (TIMEOUT_NS - 1, True), (TIMEOUT_NS, False), (TIMEOUT_NS + 1, False)]
)
def test_a_yes_counts_up_to_the_last_nanosecond_before_expiry(after_ns: int, sent: bool) -> None:
    office = Office()
    key = office.ask()
    office.at(NOW + after_ns)

    reply = office.review.approve(key, JANE)

    assert reply.sent is sent
    assert reply.outcome is (Outcome.APPROVED if sent else Outcome.TIMEOUT)
    assert len(office.released) == sent


@pytest.mark.parametrize("end", ["reject", "withdraw", "alarm", "amend"])
def test_from_expiry_on_every_end_is_a_time_out(end: str) -> None:
    office = Office()
    key = office.ask(2.0)
    office.at(NOW + TIMEOUT_NS)

    if end == "reject":
        office.review.reject(key, JANE)
    elif end == "withdraw":
        office.review.withdraw_order(key)
    elif end == "amend":
        office.review.amend(key, 1.0, JANE)
    else:
        office.alarms.fire(f"approval-expires:{key}")

    assert office.approvals(key)[0]["outcome"] == "TIMEOUT"
    assert office.refused[0][1].reason is Reason.APPROVAL_TIMEOUT
    assert office.announced == []


def test_no_alarm_is_left_behind() -> None:
    config = OperatorConfig(latency=LatencyConfig(spread=Spread.FIXED, median_s=5.0))
    office = Office(Operator(config))
    key = office.ask()
    assert set(office.alarms.waiting) == {f"approval-expires:{key}", f"approval-answer:{key}"}

    office.review.reject(key, JANE)

    assert office.alarms.waiting == {}


def test_an_answer_must_name_its_operator() -> None:
    office = Office()
    key = office.ask()

    assert office.review.approve(key, By("")).detail == "an answer must name its operator"
    assert office.review.queue.get(key) is not None
    assert office.released == []


@given(
    asked=some.floats(0.5, 1e3, allow_nan=False),
    wanted=some.floats(allow_nan=True, allow_infinity=True),
)
def test_an_amendment_only_ever_makes_smaller(asked: float, wanted: float) -> None:
    office = Office()
    intent = buy(asked, ts_ns=NOW)
    office.review.park([intent], (intent,))  # whatever the limits would say

    reply = office.review.amend(intent.client_order_id, wanted, JANE)

    if 0.0 < wanted < asked:
        assert reply.outcome is Outcome.AMENDED
        assert all(quantity == wanted for _, quantity in office.released)
        assert len(office.released) + len(office.refused) == 1
    else:
        assert reply.outcome is None
        assert office.released == office.refused == []
        assert office.review.queue.get(intent.client_order_id) is not None
        assert office.audit.records[-1].kind == "AMEND_REFUSED"


def test_an_amendment_is_checked_again_like_any_yes() -> None:
    office = Office()
    key = office.ask(2.0, price=MARK)
    office.view.apply_mark(BTC, 0.8 * MARK, NOW)

    reply = office.review.amend(key, 1.0, JANE)

    assert (reply.outcome, reply.sent) == (Outcome.AMENDED, False)
    assert office.refused[0][1].reason is Reason.PRICE_OUTSIDE_COLLAR


def test_a_strategy_that_cancels_when_it_hears_of_an_amendment_is_obeyed() -> None:
    office = Office()
    key = office.ask(2.0)
    office.on_announce = lambda: office.review.withdraw_order(key)

    reply = office.review.amend(key, 1.0, JANE)

    assert not reply.sent
    assert office.released == []
    assert [record["outcome"] for record in office.approvals(key)] == ["WITHDRAWN"]


def test_an_order_that_ended_behind_the_desk_is_not_sent() -> None:
    office = Office()
    key = office.ask()
    office.over_behind.add(key)

    reply = office.review.approve(key, JANE)

    assert reply.outcome is Outcome.WITHDRAWN
    assert office.released == []


def test_withdrawing_takes_only_what_matches() -> None:
    office = Office()
    keep, drop = office.ask(), office.ask(strategy="Other-001")

    count = office.review.withdraw(lambda request: request.intents[0].strategy == "Other-001", "kill switch: Other-001")

    assert count == 1
    assert office.review.queue.get(keep) is not None
    assert office.approvals(drop)[0]["reason"] == "kill switch: Other-001"


def test_one_more_than_may_wait_is_refused() -> None:
    office = Office(waiting_max=2)
    office.ask()
    office.ask(price=100.1)
    intent = buy(1.0)

    refusal = office.review.park([intent], (intent,))

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.measured, refusal.limit) == (Reason.ORDER_RATE_EXCEEDED, 3.0, 2.0)


def test_the_record_tells_who_why_how_long_and_at_which_prices() -> None:
    office = Office()
    key = office.ask(2.0)
    office.at(NOW + 7 * SECOND)
    office.view.apply_mark(BTC, 100.5, office.now)

    office.review.amend(key, 1.5, By("jane", "a little less", "c-9"))

    assert office.approvals(key) == [
        {
            "key": key,
            "outcome": "AMENDED",
            "operator": "jane",
            "reason": "a little less",
            "command": "c-9",
            "waited_s": 7.0,
            "strategy": "Trend-001",
            "instrument": BTC,
            "side": "BUY",
            "asked_quantity": 2.0,
            "quantity": 1.5,
            "mark_parked": 100.0,
            "mark": 100.5,
            "sent": True,
            "verdict": "limits",
        }
    ]


def test_a_price_that_is_no_number_is_recorded_as_unknown() -> None:
    office = Office()
    key = office.ask()
    office.view.apply_mark(BTC, math.nan, NOW)

    office.review.reject(key, JANE)

    assert office.approvals(key)[0]["mark"] is None


def test_statistics_count_every_end_and_time_the_answers() -> None:
    office = Office()
    keys = [office.ask(price=100.0 + number / 10) for number in range(5)]
    office.at(NOW + 2 * SECOND)
    office.review.approve(keys[0], JANE)
    office.at(NOW + 4 * SECOND)
    office.review.reject(keys[1], JANE)
    office.at(NOW + 10 * SECOND)
    office.review.amend(keys[2], 0.5, By("joe"))
    office.review.withdraw_order(keys[3])
    office.at(NOW + TIMEOUT_NS)
    office.alarms.fire(f"approval-expires:{keys[4]}")

    assert office.review.statistics() == ReviewStatistics(
        ended=5,
        approved=1,
        amended=1,
        rejected=1,
        timed_out=1,
        withdrawn=1,
        approval_rate=0.4,
        time_out_rate=0.2,
        response_p50_s=4.0,
        response_p90_s=10.0,
        response_p99_s=10.0,
    )
    by_operator = office.review.statistics_by_operator()
    assert {name: figures.ended for name, figures in by_operator.items()} == {"jane": 2, "joe": 1}
    assert by_operator["jane"].response_p50_s == 2.0


def test_statistics_of_nothing_have_no_rates() -> None:
    assert ResponseTally().statistics() == ReviewStatistics()


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 5.0), (0.9, 9.0), (0.91, 10.0), (1.0, 10.0)])
def test_percentiles_are_nearest_rank(share: float, value: float) -> None:
    assert nearest_rank([float(number) for number in range(1, 11)], share) == value
    assert nearest_rank([], share) is None


def test_what_waited_at_a_restart_ends_in_the_audit_and_nowhere_else() -> None:
    office = Office()
    early = office.ask()
    office.at(NOW + 20 * SECOND)
    late = office.ask(price=100.1)
    kept = msgspec.json.decode(msgspec.json.encode(office.review.snapshot()), type=ReviewSnapshot)
    audit = AuditLog()

    assert lost_requests(kept, NOW + TIMEOUT_NS, audit) == 2

    ends = {record.data["key"]: (record.kind, record.data["outcome"], record.data["sent"]) for record in audit.records}
    assert ends == {early: ("APPROVAL", "TIMEOUT", False), late: ("APPROVAL", "WITHDRAWN", False)}
    assert set(audit.records[0].data) == set(_record_of_an_end(office, early))
    after = Office()
    assert not after.review.approve(late, JANE).sent
    assert after.released == []


def _record_of_an_end(office: Office, key: str) -> dict[str, object]:
    office.review.reject(key, JANE)
    return office.approvals(key)[0]


def simulated(**rules: object) -> Operator:
    latency = LatencyConfig(spread=Spread.FIXED, median_s=5.0)
    return Operator(OperatorConfig(policy=Policy.RULES, rules=RulesConfig(**rules), latency=latency))


def test_the_simulated_operator_cuts_an_order_that_is_too_large() -> None:
    office = Office(simulated(notional_max=150.0, over=Over.AMEND))
    key = office.ask(2.0)
    office.at(NOW + 5 * SECOND)

    office.alarms.fire(f"approval-answer:{key}")

    assert office.released == [(key, 1.5)]
    assert (office.approvals(key)[0]["operator"], office.approvals(key)[0]["reason"]) == (SIMULATED, "size")


def test_the_simulated_operator_rejects_what_can_not_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(simulated(notional_max=150.0, over=Over.AMEND))
    monkeypatch.setattr(office, "shrink", lambda _command, _quantity: "off the lot")
    key = office.ask(2.0)

    office.alarms.fire(f"approval-answer:{key}")

    assert office.released == []
    assert office.approvals(key)[0]["reason"] == "size: off the lot"


def test_a_queue_refuses_what_no_caller_should_ask() -> None:
    queue = ApprovalQueue(waiting_max=1)
    intent = buy(1.0)
    queue.park("a", (intent,), None, NOW)

    with pytest.raises(ValueError, match="a already waits"):
        queue.park("a", (intent,), None, NOW)
    with pytest.raises(ValueError, match="at most 1 requests"):
        queue.park("b", (intent,), None, NOW)
    with pytest.raises(ValueError, match="timeout_ns must be positive, was 0"):
        ApprovalQueue(timeout_ns=0)
    with pytest.raises(ValueError, match="waiting_max must be at least 1, was 0"):
        ApprovalQueue(waiting_max=0)
