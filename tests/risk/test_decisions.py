from __future__ import annotations

import hashlib
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.decisions import DecisionLog
from risk.intent import Intent, Side
from risk.modes.table import Mode
from risk.verdict import Approved, Basis, Parked, Reason, Refusal, Verdict
from risk.view import View
from tests.risk.world import BTC, NOW, buy, order, sell, world

REPO = Path(__file__).resolve().parents[2]


def lines_of(file: io.BytesIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_a_line_tells_order_verdict_figures_and_account() -> None:
    file = io.BytesIO()
    view = world(Mode.SEMI_AUTO)
    view.apply_position(BTC, 2.0, 90.0)
    log = DecisionLog(file)
    signal = '{"b": 1, "a": {"z": 0.1, "y": null}}'
    refusal = Refusal(Reason.LEVERAGE_EXCEEDED, 30_000.5, 20_000.0, "detail")

    log.append(buy(1.0, client_order_id="O-1", signal=signal, tags=("ENTRY",), stop_price=96.0), refusal, view)

    (line,) = lines_of(file)
    assert line["order"] == {
        "id": "O-1",
        "side": "BUY",
        "type": "MARKET",
        "quantity": 1.0,
        "price": None,
        "trigger_price": None,
        "stop_price": 96.0,
        "reduce_only": False,
        "parent": None,
        "algorithm": None,
        "tags": ["ENTRY"],
    }
    assert line["signal"] == {"a": {"y": None, "z": 0.1}, "b": 1}
    expected = {
        "seq": 0,
        "ts": NOW,
        "strategy": "Trend-001",
        "instrument": BTC,
        "action": "SUBMIT",
        "origin": "AUTOMATED",
        "verdict": "REFUSED",
        "code": "LEVERAGE_EXCEEDED",
        "measured": 30_000.5,
        "limit": 20_000.0,
        "detail": "detail",
        "mode": "SemiAuto",
        "equity": 10_020.0,
        "exposure": 200.0,
        "mark": 100.0,
        "position": 2.0,
    }
    assert {key: line[key] for key in expected} == expected


def test_lines_are_canonical() -> None:
    file = io.BytesIO()
    DecisionLog(file).append(buy(0.1 + 0.2, signal='{"b":1,"a":2}'), Approved(Basis.LIMITS), world())

    text = file.getvalue().decode()
    assert text.endswith("\n")
    assert '"quantity":0.30000000000000004' in text
    assert '"signal":{"a":2,"b":1}' in text
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) + "\n"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_null(bad: float) -> None:
    file = io.BytesIO()
    view = world(cash=bad)
    DecisionLog(file).append(buy(bad), Refusal(Reason.NOT_A_NUMBER, bad), view)

    (line,) = lines_of(file)
    assert line["measured"] is line["equity"] is None
    assert json.dumps(line).count("NaN") == 0


@pytest.mark.parametrize("text", ["not json", "", '{"a": NaN}', "[" * 5_000])
def test_a_signal_that_is_no_json_is_kept_as_text(text: str) -> None:
    file = io.BytesIO()
    DecisionLog(file).append(buy(1.0, signal=text), Approved(Basis.LIMITS), world())

    assert lines_of(file)[0]["signal"] == text


def test_verdicts_are_named_and_counted() -> None:
    file = io.BytesIO()
    log = DecisionLog(file)
    view = world()
    for verdict in (
        Approved(Basis.LIMITS),
        Approved(Basis.REDUCES),
        Parked(NOW + 30),
        Refusal(Reason.APPROVAL_TIMEOUT, 30.0, 30.0),
        Refusal(Reason.APPROVAL_TIMEOUT, 30.0, 30.0),
    ):
        log.append(buy(1.0), verdict, view)

    lines = lines_of(file)
    assert [(line["verdict"], line["code"]) for line in lines] == [
        ("APPROVED", "limits"),
        ("APPROVED", "reduces"),
        ("PARKED", "AWAITING_APPROVAL"),
        ("REFUSED", "APPROVAL_TIMEOUT"),
        ("REFUSED", "APPROVAL_TIMEOUT"),
    ]
    assert lines[2]["expires"] == NOW + 30
    assert [line["seq"] for line in lines] == list(range(5)) == list(range(len(log)))
    assert log.counts == {"APPROVED": 2, "PARKED": 1, "APPROVAL_TIMEOUT": 2}


def test_the_hash_is_that_of_the_file_with_or_without_one() -> None:
    file = io.BytesIO()
    kept, unkept = DecisionLog(file), DecisionLog()
    for log in (kept, unkept):
        view = world()
        log.append(buy(1.0, client_order_id="O-1"), Approved(Basis.LIMITS), view)
        log.append(sell(1.0, client_order_id="O-2"), Refusal(Reason.MODE_FORBIDS), view)

    assert kept.decision_hash == unkept.decision_hash == hashlib.sha256(file.getvalue()).hexdigest()


def test_one_figure_more_or_less_gives_another_hash() -> None:
    one, other = DecisionLog(), DecisionLog()
    one.append(buy(1.0, client_order_id="O-1"), Approved(Basis.LIMITS), world())
    other.append(buy(1.0, client_order_id="O-1"), Approved(Basis.LIMITS), world(cash=10_000.000000000002))

    assert one.decision_hash != other.decision_hash


SCRIPT = """
from risk.decisions import DecisionLog
from risk.intent import Intent, Side
from risk.limits import LimitsConfig
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from tests.risk.world import BTC, NOW, SECOND, buy, filled, sell, sent, world

log, view, rules = DecisionLog(), world(Mode.FULL_AUTO), Ruleset(LimitsConfig())
for number in range(200):
    view.apply_mark(BTC, 100.0 + 7.3 * ((number * 37) % 11 - 5) / 5, NOW + number * 60 * SECOND)
    side = buy if number % 3 else sell
    intent = side(1.0 + number % 7, client_order_id=f"O-{number}", ts_ns=view.ts_ns, signal='{"b":0.1,"a":[1,2]}')
    verdict = rules.decide(intent, view)
    log.append(intent, verdict, view)
    if hasattr(verdict, "basis"):
        filled(view, sent(view, intent))
print(log.decision_hash, sorted(log.counts.items()))
"""


def test_the_hash_is_the_same_in_any_process_and_under_any_hash_seed() -> None:
    answers = []
    for seed in ("0", "1", "4711"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPO)}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, cwd=REPO
        )
        answers.append(run.stdout)

    assert answers[0] == answers[1] == answers[2]
    assert "APPROVED" in answers[0]
    assert "EXCEEDED" in answers[0]


def canonical(intent: Intent, verdict: object, view: View) -> str:
    """Return the first line of a log in plain Python: keys sorted at every level, what is no number null."""
    refused = isinstance(verdict, Refusal)
    code = "AWAITING_APPROVAL" if isinstance(verdict, Parked) else (verdict.reason if refused else verdict.basis).value
    line = {
        "seq": 0, "ts": max(intent.ts_ns, view.ts_ns), "strategy": intent.strategy, "instrument": intent.instrument,
        "action": intent.action.value, "origin": intent.origin.value, "operator": intent.operator,
        "reason": intent.reason, "mode": view.mode.value, "equity": view.equity, "cash": view.cash,
        "exposure": view.exposure_notional, "margin_used": view.margin_used, "drawdown": view.drawdown,
        "daily_loss": view.daily_loss, "mark": view.mark(intent.instrument),
        "measured": verdict.measured if refused else None, "limit": verdict.limit if refused else None,
        "detail": verdict.detail if refused else "",
        "verdict": "REFUSED" if refused else "PARKED" if isinstance(verdict, Parked) else "APPROVED",
        "code": code,
        "signal": None if intent.signal is None else json.loads(intent.signal),
        "position": getattr(view.position(intent.instrument), "signed_quantity", 0.0),
        "order": {
            "id": intent.client_order_id, "side": intent.side.value, "type": intent.order_type,
            "quantity": intent.quantity, "price": intent.price, "trigger_price": intent.trigger_price,
            "stop_price": intent.stop_price, "reduce_only": intent.reduce_only, "parent": intent.parent_id,
            "algorithm": intent.algorithm, "tags": list(intent.tags),
        },
    }  # fmt: skip
    if isinstance(verdict, Parked):
        line["expires"] = verdict.expires_ns

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


numbers = st.floats(1e-4, 1e15) | st.sampled_from([math.nan, math.inf, 0.0])
verdicts = st.one_of(
    st.builds(Approved, st.sampled_from(Basis)),
    st.builds(Parked, st.integers(0, 2**62)),
    st.builds(
        Refusal, st.sampled_from(Reason), st.none() | numbers | st.integers(0, 99), st.none() | numbers, st.text()
    ),
)
JSON_SIGNALS = [None, '{"b":1,"a":{"z":0.5,"y":null}}', '"text"', "[1,2]", '{"\\u00e9": "\\u2028"}']


@settings(max_examples=200)
@given(
    verdicts,
    st.builds(
        order,
        side=st.sampled_from(Side),
        quantity=numbers,
        price=st.none() | numbers,
        stop_price=st.none() | numbers,
        instrument=st.sampled_from([BTC, "NONE"]),
        signal=st.sampled_from(JSON_SIGNALS),
        operator=st.none()
        | st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"])),
        tags=st.lists(st.sampled_from(["ENTRY", "guard:STOP"])).map(tuple),
        reduce_only=st.booleans(),
    ),
    st.sampled_from([10_000.0, math.nan, 1e-3]),
    st.sampled_from([0.0, 1.5, -2.0, math.nan]),
)
def test_a_line_is_the_canonical_json_of_its_content(
    verdict: Verdict, intent: Intent, cash: float, quantity: float
) -> None:
    file = io.BytesIO()
    view = world(cash=cash)
    view.apply_position(BTC, quantity, 99.0)

    DecisionLog(file).append(intent, verdict, view)

    assert file.getvalue().decode() == canonical(intent, verdict, view)
