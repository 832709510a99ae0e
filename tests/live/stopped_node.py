"""The folder of a node that has stopped, as its parts leave it: state, control file and audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

import bot4
from live.stored_state import AUDIT_FILE, HEADS_FILE, ControlFile, write_control_file
from risk.audit import AuditLog, HeadFile, read_heads, verify
from risk.control.document import ControlState, decode
from risk.limits import LimitsConfig
from risk.modes.authorisation import AuthorisationConfig, Role
from risk.modes.changes import GovernorSnapshot
from risk.modes.table import Mode
from risk.state.durable import Move, StateConfig, open_state
from risk.state.recovery import Recovered

PEOPLE = AuthorisationConfig(
    roles={"vera": Role.VIEWER, "olaf": Role.OPERATOR, "rita": Role.RISK_OFFICER, "ada": Role.ADMIN}
)


class StoppedNode:
    """A node `nodes/alpha` in a home of its own, stopped in a mode."""

    def __init__(self, home: Path, state: ControlState, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOT4_HOME", str(home))
        monkeypatch.delenv("BOT4_OPERATOR", raising=False)
        self.folder = home / "nodes" / "alpha"
        (self.folder / "sessions").mkdir(parents=True)
        self.config = StateConfig(folder=str(self.folder / "state"), file_timeout_s=30, emergency_wait_s=30)
        write_control_file(self.folder, ControlFile(people=PEOPLE, limits=LimitsConfig(), state=self.config))
        self.store(msgspec.structs.replace(state, governor=GovernorSnapshot(mode=Mode.MANUAL)), state)
        with (self.folder / AUDIT_FILE).open("wb") as file:
            heads = HeadFile(self.folder / HEADS_FILE)
            audit = AuditLog(file, publish=heads)
            audit.append(1, "RUN_START", {"mode": state.mode.value})
            audit.publish_now()
            heads.close()

    def store(self, *states: ControlState, confirm: bool = True) -> None:
        stores = open_state(self.config, {})
        stores.recover()
        for number, state in enumerate(states):
            stores.commit(state.encode(), state.mode.priority, Move.UP if number else Move.LEVEL)
        if confirm:
            stores.confirm()
        stores.close()

    def recovered(self) -> Recovered:
        stores = open_state(self.config, {})
        try:
            return stores.recover()
        finally:
            stores.close()

    @property
    def state(self) -> ControlState:
        recovered = self.recovered()
        assert recovered.doubt is None
        assert recovered.record is not None
        return decode(recovered.record.payload)

    def call(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a verb with --json; return the exit code and the one object it prints."""
        result = CliRunner().invoke(bot4.app, [*arguments, "--json"])
        return result.exit_code, json.loads(result.stdout)

    def text(self, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(bot4.app, list(arguments))
        return result.exit_code, result.output

    def act(self, *arguments: str, operator: str = "olaf") -> tuple[int, dict[str, Any]]:
        return self.call(*arguments, "--operator", operator, "--reason", "as a test")

    def audit(self) -> list[dict[str, Any]]:
        """The audit log's records; the chain must hold."""
        path = self.folder / AUDIT_FILE
        assert verify(path, heads=read_heads(self.folder / HEADS_FILE)) is None
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
