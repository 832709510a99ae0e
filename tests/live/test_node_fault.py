"""A fault in what decides ends the session at that input, keeps what was recorded, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from node_world import config, run_session

from errors import Bot4Error
from research.recording.recording import Recording
from strategies.library.fused import FusedStrategy


def test_a_strategy_that_fails_ends_the_node_with_its_recording(
    tmp_path: Path, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fail_at_the_fifth(_self: FusedStrategy, bar: object) -> None:
        seen.append(bar)
        if len(seen) == 5:
            raise ZeroDivisionError("the fifth bar")

    monkeypatch.setattr(FusedStrategy, "on_bar", fail_at_the_fifth)

    with pytest.raises(Bot4Error, match="the fifth bar"):
        run_session(config(tmp_path / "node"), sample_home / "catalog", 10.0)

    recording = Recording(tmp_path / "node" / "sessions" / "000001")
    bars = [data for data in recording.inputs() if type(data).__name__ == "Bar"]
    assert len(seen) == 5
    assert len(bars) == 5
    assert recording.end is None


def test_a_disk_that_is_full_ends_the_node_before_the_input_has_an_effect(
    tmp_path: Path, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from research.recording.recording import RecordingWriter

    append, decided = RecordingWriter.append, []
    monkeypatch.setattr(FusedStrategy, "on_bar", lambda _self, bar: decided.append(bar))

    def full_after_ten(self: RecordingWriter, data: object) -> None:
        if self.inputs >= 10:
            raise OSError(28, "No space left on device")
        append(self, data)

    monkeypatch.setattr(RecordingWriter, "append", full_after_ten)

    with pytest.raises(Bot4Error, match="No space left"):
        run_session(config(tmp_path / "node"), sample_home / "catalog", 10.0)

    recording = Recording(tmp_path / "node" / "sessions" / "000001")
    inputs = recording.inputs()
    assert len(inputs) == 10
    assert len(decided) == sum(type(data).__name__ == "Bar" for data in inputs)
