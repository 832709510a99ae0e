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

from risk.decisions import DecisionLog
from risk.modes.table import Mode
from risk.verdict import Approved, Basis, Parked, Reason, Refusal
from tests.risk.world import BTC, NOW, buy, sell, world

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
