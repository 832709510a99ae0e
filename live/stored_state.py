"""The state that a stopped node left: look at it, and tighten it, so that its next start obeys."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

from errors import PreconditionError
from risk.ask import Ask, Verb
from risk.audit import AuditLog, HeadFile, read_heads, resume
from risk.control.document import ControlState, decode
from risk.control.limit_changes import objection_to_change
from risk.control.operator_desk import DONE, REFUSED, scope_of
from risk.control.queries import limits_of, stored
from risk.kill_records import Flatten, Kill, KillSnapshot, Stage
from risk.limits import LimitsConfig
from risk.modes.authorisation import (
    SUPERVISORS,
    AuthorisationConfig,
    Authority,
    Objection,
    authority_of,
    may_ask,
    role_of,
)
from risk.modes.changes import ModeChange
from risk.modes.permissions import permitted
from risk.modes.table import Mode
from risk.modes.transitions import steps_down
from risk.modes.triggers import Trigger
from risk.state.durable import DurableState, Move, StateConfig, open_state
from risk.state.failure import StateError
from risk.state.file_store import peek
from risk.state.recovery import FILE, Recovered, settle

CONTROL_FILE: Final = "control.json"
AUDIT_FILE: Final = "audit.jsonl"
HEADS_FILE: Final = "audit.heads.jsonl"


class ControlFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a node leaves beside its state so that it can be read without the node's configuration."""

    people: AuthorisationConfig
    limits: LimitsConfig
    state: StateConfig


def write_control_file(folder: Path, control: ControlFile) -> None:
    """Write it; the state itself is kept by the stores."""
    (folder / CONTROL_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(control), indent=2) + b"\n")


def look(folder: Path, name: str) -> dict[str, Any]:
    """
    Answer what a running node would be asked, as far as the state file knows; nothing is locked or changed.

    Raises
    ------
    PreconditionError
        If the node has left no state, or the state is in doubt.

    """
    control = _control(folder)
    state = _state(folder, settle({FILE: peek(Path(control.state.folder))}))
    document = stored(state)
    if name == "mode":
        governor: dict[str, Any] = document["governor"]
        return governor
    if name == "approvals":
        return {"waiting": [], "statistics": None}
    return {
        "mode": state.mode.value,
        "kills": document["kills"]["kills"],
        "breakers": [each for each in (document["breakers"] or {"circuits": ()})["circuits"] if _is_open(each)],
        "limits": limits_of(control.limits, state.limits),
        "state_failed": None,
    }


def carry_out(folder: Path, ask: Ask) -> str:
    """
    Carry out a command on the stored state; return what became of it, as a running node would.

    What a stopped node can't do is refused: to loosen its mode, and to answer approvals. The audit log goes on.
    """
    with _opened(folder) as (control, stores, state):
        ask = msgspec.structs.replace(ask, role=role_of(ask.operator, ask.role, control.people))
        who = authority_of(ask.operator, ask.role, ask.reason, control.people)
        now_ns = time.time_ns()
        after = _after(control, state, ask, who, now_ns) if isinstance(who, Authority) else f"{REFUSED}: {who}"
        answer = _keep(stores, state, after) if isinstance(after, ControlState) else after
        try:
            _audit(folder, ask, answer, now_ns)
        except PreconditionError as error:  # a broken log must not keep anybody from taking risk away
            answer = f"{answer}; not audited, as the log is broken: {error}"
        return answer


def _keep(stores: DurableState, before: ControlState, after: ControlState) -> str:
    """
    Store a state and return the answer.

    It is not confirmed: a loosening that the last process stored and may never have put into effect stays in doubt.
    """
    try:
        stores.commit(after.encode(), after.mode.priority, Move.UP if after.looser_than(before) else Move.LEVEL)
    except StateError as error:
        return f"{REFUSED}: not stored: {error}"
    return DONE


def _after(
    control: ControlFile, state: ControlState, ask: Ask, who: Authority | Objection, now_ns: int
) -> ControlState | str:
    """Return the state after a command, or its answer where nothing changes."""
    if isinstance(who, Objection):
        return f"{REFUSED}: {who}"
    if not permitted(who.role, ask.verb, state.mode):
        return f"{REFUSED}: NOT_AUTHORISED: {who.role.value} may not {ask.verb.value} in {state.mode.value}"
    acts: dict[Verb, Callable[[], ControlState | str]] = {
        Verb.SET_MODE: lambda: _moved(state, ask, who, now_ns),
        Verb.KILL: lambda: _killed(state, ask, who, now_ns),
        Verb.CLEAR: lambda: _cleared(state, ask, who),
        Verb.SET_LIMIT: lambda: _limited(control, state, ask),
    }
    act = acts.get(ask.verb)
    return act() if act is not None else f"{REFUSED}: the node is not running"


def _moved(state: ControlState, ask: Ask, who: Authority, now_ns: int) -> ControlState | str:
    target = next((mode for mode in Mode if mode.value == ask.arguments.get("mode")), None)
    if target is None:
        return f"{REFUSED}: mode must be one of {', '.join(mode.value for mode in Mode)}"
    if target is state.mode:
        return f"{DONE}: {target.value} already"
    steps = steps_down(state.mode, target)
    if not steps or not all(may_ask(who.role, before, after) for before, after in pairwise((state.mode, *steps))):
        return f"{REFUSED}: a stopped node's mode can only be made more restrictive; start it to go up"
    governor = state.governor
    for step in steps:
        change = ModeChange(
            ts_ns=now_ns,
            before=governor.mode,
            after=step,
            operator=who.operator,
            role=who.role,
            reason=who.reason,
            trigger=Trigger.MANUAL if step is Mode.EMERGENCY else None,
        )
        governor = governor.after(change)
    return msgspec.structs.replace(state, governor=governor)


def _killed(state: ControlState, ask: Ask, who: Authority, now_ns: int) -> ControlState | str:
    scope = scope_of(ask)
    if isinstance(scope, str):
        return f"{REFUSED}: {scope}"
    policy = ask.arguments.get("flatten", Flatten.MARKET.value)
    flatten = next((each for each in Flatten if each.value == policy), None)
    if flatten is None:
        return f"{REFUSED}: flatten must be one of {', '.join(each.value for each in Flatten)}, was {policy!r}"
    engaged = {kill.scope: kill for kill in state.kills.kills}
    before = engaged.get(scope)
    if before is not None:
        if before.flatten is flatten or flatten is Flatten.KEEP:
            return f"{DONE}: engaged already"
        engaged[scope] = msgspec.structs.replace(before, flatten=flatten, stage=Stage.RUNNING, ended_ns=None)
        return msgspec.structs.replace(state, kills=KillSnapshot(kills=tuple(engaged.values())))
    kill = Kill(
        scope=scope,
        engaged_ns=now_ns,
        operator=who.operator,
        role=who.role,
        reason=who.reason,
        flatten=flatten,
    )
    return msgspec.structs.replace(state, kills=KillSnapshot(kills=(*state.kills.kills, kill)))


def _cleared(state: ControlState, ask: Ask, who: Authority) -> ControlState | str:
    scope = scope_of(ask)
    if isinstance(scope, str):
        return f"{REFUSED}: {scope}"
    if ask.arguments.get("what") == "breaker":
        return f"{REFUSED}: a breaker is closed while the node runs"
    found = next((kill for kill in state.kills.kills if kill.scope == scope), None)
    if found is None:
        return f"{REFUSED}: no kill switch of this scope is engaged"
    if who.role not in SUPERVISORS:
        return f"{REFUSED}: a risk officer or an admin clears, not {who.role.value}"
    if found.stage is not Stage.DONE and ask.arguments.get("force") is not True:
        return f"{REFUSED}: the kill is not done; start the node to let it finish, or use --force"
    left = tuple(kill for kill in state.kills.kills if kill is not found)
    return msgspec.structs.replace(state, kills=KillSnapshot(kills=left))


def _limited(control: ControlFile, state: ControlState, ask: Ask) -> ControlState | str:
    path, value = str(ask.arguments.get("path")), ask.arguments.get("value")
    if value is None:
        if path not in state.limits:
            return f"{REFUSED}: {path} was not changed at run time"
        changes = {name: each for name, each in state.limits.items() if name != path}
    else:
        objection = objection_to_change(control.limits, path, value)
        if objection is not None:
            return f"{REFUSED}: {objection}"
        changes = state.limits | {path: float(value)}
    return msgspec.structs.replace(state, limits=changes)


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[ControlFile, DurableState, ControlState]]:
    control = _control(folder)
    stores = open_state(control.state, os.environ)
    try:
        yield control, stores, _state(folder, stores.recover())
    finally:
        stores.close()


def _control(folder: Path) -> ControlFile:
    path = folder / CONTROL_FILE
    if not path.is_file():
        raise PreconditionError(f"the node in {folder} is not running and has left no state")
    try:
        return msgspec.json.decode(path.read_bytes(), type=ControlFile)
    except (msgspec.DecodeError, ValueError) as error:
        raise PreconditionError(f"{path} is damaged, and the next start of the node writes it anew: {error}") from None


def _state(folder: Path, recovered: Recovered) -> ControlState:
    if recovered.doubt is not None:
        reason = recovered.doubt
        raise PreconditionError(f"the state of the node in {folder} is in doubt: {reason}; it starts in Emergency")
    if recovered.record is None:
        raise PreconditionError(f"the node in {folder} has stored nothing yet")
    try:
        return decode(recovered.record.payload)
    except ValueError as error:
        raise PreconditionError(f"{folder}: {error}; the node starts in Emergency") from None


def _audit(folder: Path, ask: Ask, answer: str, now_ns: int) -> None:
    path, heads = folder / AUDIT_FILE, folder / HEADS_FILE
    after, _ = resume(path, read_heads(heads))
    publish = HeadFile(heads)
    try:
        with path.open("ab") as file:
            audit = AuditLog(file, publish=publish, after=after)
            data = {"id": ask.id, "verb": ask.verb.value, "operator": ask.operator, "role": ask.role}
            rest = {"reason": ask.reason, "arguments": ask.arguments, "answer": answer, "on": "stored state"}
            audit.append(now_ns, "OPERATOR", data | rest)
            audit.publish_now()
    finally:
        publish.close()


def _is_open(circuit: dict[str, Any]) -> bool:
    return bool(circuit["state"] != "closed")
