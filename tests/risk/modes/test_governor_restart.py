"""The governor: starts and restarts, the bounded history, contradictions in what was stored."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from risk.modes.authorisation import Authority, Role
from risk.modes.changes import (
    HISTORY_MAX,
    GovernorSnapshot,
    ModeChange,
    contradiction_in,
)
from risk.modes.table import Mode
from risk.modes.triggers import Trigger
from tests.risk.modes.governed import (
    ADA,
    FACTS,
    LATER,
    OTTO,
    RUTH,
    SECOND,
    T0,
    E,
    F,
    M,
    S,
    World,
    in_mode,
    world,
)


def after_restart(made: World, mode: Mode, **changes: Any) -> World:
    assert made.stored is not None
    stored = msgspec.json.decode(msgspec.json.encode(made.stored), type=GovernorSnapshot)
    assert stored == made.stored
    return world(mode, restored=stored, now_ns=LATER + 60 * SECOND, **changes)


def test_the_first_start_stores_its_state_and_takes_effect() -> None:
    made = world(S)

    assert made.calls == ["persist", "apply SemiAuto"]
    assert made.stored == GovernorSnapshot(mode=S)


def test_a_restart_takes_up_mode_history_and_emergency() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)

    again = after_restart(made, E)

    assert again.governor.snapshot() == made.governor.snapshot()
    assert again.effects == [(E, "configured")]


@pytest.mark.parametrize(("stored", "started", "steps"), [(F, S, 1), (F, M, 2), (S, M, 1), (S, S, 0), (F, F, 0)])
def test_a_restart_below_the_stored_mode_is_a_change_like_any_other(stored: Mode, started: Mode, steps: int) -> None:
    again = after_restart(in_mode(stored), started)

    assert again.governor.mode is started
    assert len(again.governor.history) == steps
    assert again.stored == again.governor.snapshot()
    assert contradiction_in(again.governor.snapshot()) is None


def test_a_restart_two_steps_below_stores_no_mode_between() -> None:
    """Where etcd is silent no more than Manual may resume: storing SemiAuto on the way would be a loosening."""
    again = after_restart(in_mode(F), M)

    assert again.calls == ["persist", "apply Manual"]
    assert [change.after for change in again.governor.history[-2:]] == [S, M]


@pytest.mark.parametrize(("stored", "started"), [(M, S), (M, F), (S, F), (E, M), (E, S)])
def test_a_restart_above_the_stored_mode_is_a_mistake(stored: Mode, started: Mode) -> None:
    with pytest.raises(ValueError, match="at most the stored"):
        after_restart(in_mode(stored), started)


@pytest.mark.parametrize("stored", [M, S, F])
def test_a_start_in_doubt_is_an_emergency_with_a_record(stored: Mode) -> None:
    again = after_restart(in_mode(stored), E, reason="the stored state is in doubt: torn")

    record = again.governor.last_emergency
    assert record is not None
    assert (record.trigger, record.before) == (Trigger.SYSTEM_FAILURE, stored)
    assert "torn" in record.reason
    assert again.effects[-1][0] is E


def test_a_start_from_nothing_in_doubt_is_an_emergency_with_a_record() -> None:
    made = world(E, reason="no mode is stored")

    assert made.governor.mode is E
    assert contradiction_in(made.governor.snapshot()) is None


@pytest.mark.parametrize(("stored", "started"), [(None, S), (F, S), (F, F), (S, S), (E, E)])
def test_a_start_that_cannot_be_stored_is_an_emergency(stored: Mode | None, started: Mode) -> None:
    restored = None if stored is None else in_mode(stored).stored
    made = world(started, restored=restored, begun=False, now_ns=LATER)
    made.failing = True

    made.governor.begin(LATER)

    assert made.governor.mode is E
    assert made.effects[-1][0] is E
    assert made.losses


def test_before_the_start_nothing_is_less_restrictive_than_it_will_be() -> None:
    made = world(S, restored=in_mode(F).stored, begun=False)

    assert made.governor.mode is S
    with pytest.raises(ValueError, match="begin"):
        made.governor.request(M, OTTO, LATER)
    with pytest.raises(ValueError, match="begin"):
        made.governor.demote(M, "why", LATER)


def test_an_emergency_before_the_start_is_not_undone_by_it() -> None:
    made = world(S, begun=False)
    made.governor.emergency(Trigger.EXCHANGE_OUTAGE, "BINANCE is out", T0)
    made.governor.begin(T0)

    assert made.governor.mode is E
    assert [mode for mode, _ in made.effects] == [E]


def test_a_governor_begins_once() -> None:
    made = world(S)

    with pytest.raises(ValueError, match="once"):
        made.governor.begin(LATER)


def test_the_history_keeps_the_last_changes() -> None:
    made = in_mode(S)
    for index in range(HISTORY_MAX + 5):
        target = M if index % 2 == 0 else S
        assert isinstance(made.governor.request(target, ADA, LATER + index, FACTS), ModeChange)

    history = made.governor.history
    assert len(history) == HISTORY_MAX
    assert history[-1].ts_ns == LATER + HISTORY_MAX + 4
    assert history[0].ts_ns == LATER + 5
    assert len(made.records("MODE_CHANGE")) == HISTORY_MAX + 5
    assert contradiction_in(made.governor.snapshot()) is None


def test_a_reason_is_kept_but_not_without_end() -> None:
    made = in_mode(S)
    made.governor.request(M, Authority("ada", Role.ADMIN, "x" * 100_000), LATER)

    assert len(made.governor.history[-1].reason) == 1_000


CHANGE = ModeChange(ts_ns=T0, before=S, after=M, operator="ada", role=Role.ADMIN, reason="r")


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (GovernorSnapshot(mode=F, history=(CHANGE,)), "ends in Manual"),
        (GovernorSnapshot(mode=M, history=(msgspec.structs.replace(CHANGE, before=F),)), "does not exist"),
        (GovernorSnapshot(mode=M, history=(msgspec.structs.replace(CHANGE, before=M),)), "does not exist"),
        (GovernorSnapshot(mode=M, history=(CHANGE, CHANGE)), "gap"),
        (GovernorSnapshot(mode=M, history=(CHANGE,) * 201), "201"),
        (GovernorSnapshot(mode=E), "missing"),
    ],
)
def test_contradictions_are_found(snapshot: GovernorSnapshot, text: str) -> None:
    found = contradiction_in(snapshot)

    assert found is not None
    assert text in found


def test_a_mode_that_contradicts_its_emergency_is_found() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    state = made.governor.snapshot()

    assert contradiction_in(msgspec.structs.replace(state, mode=M, history=())) is not None
    assert contradiction_in(msgspec.structs.replace(state, recovery=None)) is not None
    made.governor.request(M, RUTH, LATER + 1, FACTS)
    ended = made.governor.snapshot()
    assert contradiction_in(ended) is None
    assert contradiction_in(msgspec.structs.replace(ended, mode=E, history=())) is not None
