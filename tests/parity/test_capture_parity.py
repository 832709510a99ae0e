"""A paper session on a real capture decides what the backtest engine decides on its recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import parity_strategy
import pytest
from parity_world import Operator, capture_config, first_difference, lines, run_and_replay, trail

from live.node_report import NodeReport
from research.backtest.replay_recording import Replayed, replay
from research.recording.codec import stamped
from research.recording.recording import Recording
from strategies import registry


class Session(NamedTuple):
    report: NodeReport
    replayed: Replayed
    operator: Operator
    again: Path

    @property
    def recording(self) -> Recording:
        return Recording(self.report.session)


@pytest.fixture(scope="module", autouse=True)
def _brackets_allowed() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.STRATEGIES, "brackets", parity_strategy.ENTRY)  # type: ignore[arg-type]
        yield


@pytest.fixture(scope="module")
def capture(shared_data: Path) -> Path:
    path = shared_data / "l2" / "binance_usdm" / "btcusdt_20240808.gz"
    if not path.exists():
        pytest.skip(f"needs the capture {path.name} in ../shared/data/l2")
    return path


@pytest.fixture(scope="module")
def session(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A minute and a half of the market in about seven seconds, with an operator."""
    tmp_path = tmp_path_factory.mktemp("parity")
    config = capture_config(
        tmp_path / "node",
        capture,
        speed=14.0,
        show=["trades", "quotes", "depth"],
        start="2024-08-08T23:54:30Z",
        end="2024-08-08T23:56:00Z",
    )
    return Session(*run_and_replay(config, tmp_path, supervised_s=2.5))


def test_the_session_was_busy_enough_to_mean_something(session: Session) -> None:
    counts, strategies = session.report.counts, {line["strategy"] for line in lines(session.again / "decisions.jsonl")}
    verbs = [verb for verb, answer in session.operator.answers if answer.startswith("DONE")]

    assert strategies == {"EMACross-001", "EMACross-002", "BracketStrategy-003"}
    assert counts["PARKED"] >= 3
    assert counts["APPROVED"] >= 20
    assert session.report.fills >= 10
    assert verbs.count("set_mode") == 2
    assert "approve" in verbs
    assert "reject" in verbs


def test_the_replay_gives_the_same_verdicts_on_the_same_intents_in_the_same_order(session: Session) -> None:
    difference = first_difference(session.report.session / "decisions.jsonl", session.again / "decisions.jsonl")

    assert difference is None
    assert session.replayed.decision_hash == session.report.decision_hash
    assert session.replayed.same is True


def test_the_replay_fills_the_same_orders_at_the_same_prices_and_fees(session: Session) -> None:
    assert first_difference(session.report.session / "fills.jsonl", session.again / "fills.jsonl") is None
    assert session.replayed.fill_hash == session.report.fill_hash


def test_the_replay_leaves_the_same_audit_trail(session: Session) -> None:
    told = trail(session.report.session)
    assert {kind for _, kind, _ in told} >= {"DECISION", "FILL", "OPERATOR", "APPROVAL", "MODE_CHANGE"}
    assert told == trail(session.again)


def test_a_single_tick_a_second_later_is_noticed(session: Session) -> None:
    """Were the comparison blind, this would pass too."""

    def one_later(inputs: list[Any]) -> list[Any]:
        trades = [number for number, data in enumerate(inputs) if type(data).__name__ == "TradeTick"]
        moved = inputs.pop(trades[len(trades) // 3])
        return [*inputs, stamped(moved, moved.ts_init + 1_000_000_001)]

    changed = replay(session.recording, change=one_later)

    assert changed.decision_hash != session.report.decision_hash
    assert changed.same is False


def test_a_command_that_never_came_is_noticed(session: Session) -> None:
    def without_commands(inputs: list[Any]) -> list[Any]:
        return [data for data in inputs if "OperatorCommand" not in repr(type(getattr(data, "data", data)))]

    assert replay(session.recording, change=without_commands).same is False


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_whole_capture_keeps_parity(capture: Path, tmp_path: Path, speed: float) -> None:
    config = capture_config(tmp_path / "node", capture, speed=speed, show=["trades", "quotes", "depth"])

    report, replayed, _, again = run_and_replay(config, tmp_path, supervised_s=100.0 / speed)

    assert first_difference(report.session / "decisions.jsonl", again / "decisions.jsonl") is None
    assert replayed.same is True
    assert replayed.fill_hash == report.fill_hash
