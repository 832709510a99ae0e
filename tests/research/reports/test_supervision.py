"""Supervision in a report: what is counted from the audit log, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import write_run

from research.reports.record import AuditLine
from research.reports.report import write_report
from research.reports.runs import read_summary
from research.reports.schema import Supervision
from research.reports.supervision import supervision_of


def end(outcome: str = "APPROVED", **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "outcome": outcome,
        "waited_s": 5.0,
        "side": "BUY",
        "asked_quantity": 2.0,
        "quantity": 2.0,
        "mark_parked": 100.0,
        "mark": 101.0,
        "sent": outcome in {"APPROVED", "AMENDED"},
    }
    return given | changes


def figures(*ends: dict[str, Any]) -> Supervision:
    found = supervision_of([AuditLine("MODE"), *(AuditLine("APPROVAL", data) for data in ends)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        ({}, 2.0),
        ({"side": "SELL"}, -2.0),
        ({"mark": 99.5}, -1.0),
        ({"side": "SELL", "mark": 99.5}, 1.0),
        ({"outcome": "AMENDED", "quantity": 0.5}, 0.5),
    ],
)
def test_cost_is_the_move_against_the_order_times_what_was_sent(changes: dict[str, Any], cost: float) -> None:
    found = figures(end(**changes))

    notional = 100.0 * changes.get("quantity", 2.0)
    assert (found.cost, found.sent_notional) == (cost, notional)
    assert found.cost_bps == pytest.approx(1e4 * cost / notional)


@pytest.mark.parametrize("outcome", ["REJECTED", "TIMEOUT", "WITHDRAWN"])
def test_what_was_not_sent_has_no_cost(outcome: str) -> None:
    found = figures(end(outcome))

    assert (found.cost, found.cost_bps, found.sent_notional) == (None, None, None)


def test_what_the_second_check_refused_is_counted_and_costs_nothing() -> None:
    found = figures(end(sent=False), end())

    assert (found.approved, found.refused_at_recheck) == (2, 1)
    assert found.sent_notional == 200.0


def test_a_missing_price_is_said_and_left_out() -> None:
    found = figures(end(mark=None), end(mark_parked=None), end())

    assert (found.unpriced, found.cost) == (2, 2.0)


def test_ends_are_counted_and_answers_timed() -> None:
    found = figures(
        *(end(waited_s=float(seconds)) for seconds in range(1, 9)),
        end("AMENDED", waited_s=9.0),
        end("REJECTED", waited_s=10.0),
        end("TIMEOUT", waited_s=30.0),
        end("WITHDRAWN", waited_s=1.0),
    )

    assert found.requests == 12
    assert (found.approved, found.amended, found.rejected, found.timed_out, found.withdrawn) == (8, 1, 1, 1, 1)
    assert found.approval_rate == 0.75
    assert (found.response_p50_s, found.response_p90_s) == (5.0, 9.0)


def test_a_run_without_requests_has_no_supervision() -> None:
    assert supervision_of([AuditLine("MODE"), AuditLine("FUNDING")]) is None


def test_records_from_before_prices_were_kept_are_still_counted() -> None:
    found = figures({"key": "O-1", "outcome": "APPROVED", "waited_s": 3.0})

    assert (found.approved, found.unpriced, found.cost) == (1, 1, None)


def write(folder: Path, *ends: dict[str, Any]) -> str:
    markets = write_run(folder, hours=24 * 40, trades=10)
    with (folder / "audit.jsonl").open("a") as audit:
        for data in ends:
            audit.write(json.dumps({"kind": "APPROVAL", "data": data}) + "\n")
    write_report(folder, markets)
    return (folder / "tearsheet.html").read_text()


def test_the_summary_holds_the_figures_and_the_page_shows_them(tmp_path: Path) -> None:
    page = write(tmp_path / "run", end(), end("AMENDED", quantity=0.5), end("TIMEOUT", waited_s=30.0))

    summary = read_summary(tmp_path / "run")
    assert summary.supervision is not None
    assert (summary.supervision.requests, summary.supervision.cost) == (3, 2.5)
    assert "<h2>Supervision</h2>" in page
    for text in ("3 requests waited", "Approved for less", "No answer in time", "+2.50 USDT, +100.00 bp of sent"):
        assert text in page
    assert "Withdrawn" not in page


def test_a_page_without_requests_says_nothing_of_supervision(tmp_path: Path) -> None:
    page = write(tmp_path / "run")

    assert read_summary(tmp_path / "run").supervision is None
    assert "<h2>Supervision</h2>" not in page
