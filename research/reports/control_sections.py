"""The parts of a report's page on control: what the gate refused, and what supervision took."""

from __future__ import annotations

from research.reports import tables
from research.reports.formats import money, number, percent
from research.reports.schema import Summary
from research.reports.sections import section


def refusals(summary: Summary) -> str:
    """Return what the gate refused, by reason."""
    refused = sum(summary.rejections.values())
    note = (
        f"{number(summary.intents, 0)} intents, {number(refused, 0)} refused; {number(summary.orders, 0)} orders "
        f"reached the venue and gave {number(summary.fills, 0)} fills."
    )
    if not refused:
        return section("Refusals by reason", note, '<p class="empty">Nothing was refused.</p>')
    rows = [
        (code.replace("_", " ").lower(), float(count), number(count, 0)) for code, count in summary.rejections.items()
    ]
    return section("Refusals by reason", note, tables.meter_rows(rows, plain=True))


def supervision(summary: Summary) -> str:
    """Return what waited for an operator and what waiting cost; nothing where nothing waited."""
    figures = summary.supervision
    if figures is None:
        return ""
    note = (
        f"{number(figures.requests, 0)} requests waited for an operator; each yes was checked again. Cost is how "
        "far the price moved against the order between request and answer, times the quantity sent. With bars alone "
        "that is the gap from a close to the next open, which an order in FullAuto pays too."
    )
    refused = figures.refused_at_recheck
    outcomes = [
        ("Approved", figures.approved),
        ("Approved for less", figures.amended),
        ("Rejected", figures.rejected),
        ("No answer in time", figures.timed_out),
        ("Withdrawn", figures.withdrawn),
    ]
    unpriced = f", {figures.unpriced} without a price left out" if figures.unpriced else ""
    rows = [
        ("Approval rate", percent(figures.approval_rate)),
        ("Refused at the second check", f"{number(refused, 0)} of {number(figures.approved + figures.amended, 0)}"),
        ("Response time, median", f"{number(figures.response_p50_s, 1)} s"),
        ("Response time, nine in ten within", f"{number(figures.response_p90_s, 1)} s"),
        ("Sent", f"{money(figures.sent_notional)} {summary.currency}{unpriced}"),
        (
            "Cost of waiting (minus: a gain)",
            f"{money(figures.cost, sign=True)} {summary.currency}, {number(figures.cost_bps, 2, sign=True)} bp of sent",
        ),
    ]
    bars = [(name, float(count), number(count, 0)) for name, count in outcomes if count]
    return section("Supervision", note, tables.meter_rows(bars, plain=True) + tables.facts(rows))
