"""The control document: written and read back the same, refused where it is of another format, and what is looser."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.audit import Head
from risk.barriers import Level
from risk.breaker_config import Cause
from risk.breakers import BreakersSnapshot
from risk.circuit import Circuit, State
from risk.control.document import FORMAT, ControlState, decode, unfinished
from risk.control.limit_changes import CHANGEABLE, TIGHTER_BELOW
from risk.intent import Side
from risk.kill_records import Flatten, Kill, KillSnapshot, Scope, Stage
from risk.modes.authorisation import Role
from risk.modes.changes import EmergencyRecord, GovernorSnapshot, ModeChange, RecoveryPlan
from risk.modes.emergency_records import EmergencySnapshot
from risk.modes.table import Mode
from risk.modes.triggers import Trigger, TriggersSnapshot
from risk.peak import EquityBases
from risk.review_trail import ParkedRequest, ReviewSnapshot

NS = st.integers(0, 2**62)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=20)
NAMES = st.sampled_from(("A-001", "B-002", "C-003"))
MODES = st.sampled_from(Mode)

SCOPES = st.one_of(st.just(Scope(Level.SYSTEM)), st.builds(Scope, st.just(Level.STRATEGY), NAMES))
KILLS = st.builds(
    Kill,
    scope=SCOPES,
    engaged_ns=NS,
    operator=TEXT,
    role=st.sampled_from(Role),
    reason=TEXT,
    flatten=st.sampled_from(Flatten),
    stage=st.sampled_from(Stage),
    flat_ns=st.none() | NS,
    left_orders=st.lists(TEXT, max_size=2).map(tuple),
)
KILL_SETS = st.lists(KILLS, max_size=3, unique_by=lambda kill: kill.scope).map(
    lambda kills: KillSnapshot(kills=tuple(kills))
)
CIRCUITS = st.builds(
    Circuit,
    level=st.just(Level.STRATEGY),
    name=NAMES,
    state=st.sampled_from(State),
    cause=st.none() | st.sampled_from(Cause),
    reason=TEXT,
    since_ns=NS,
    probe_out=st.booleans(),
    profit=NUMBERS,
    equity_base=NUMBERS,
)
BOARDS = st.builds(
    BreakersSnapshot,
    equity=NUMBERS,
    circuits=st.lists(CIRCUITS, max_size=3, unique_by=lambda circuit: circuit.name).map(tuple),
)
CHANGES = st.builds(
    ModeChange,
    ts_ns=NS,
    before=MODES,
    after=MODES,
    operator=TEXT,
    role=st.sampled_from(Role),
    reason=TEXT,
    trigger=st.none() | st.sampled_from(Trigger),
    approved_by=st.none() | TEXT,
)
GOVERNORS = st.builds(
    GovernorSnapshot,
    mode=MODES,
    history=st.lists(CHANGES, max_size=3).map(tuple),
    last_emergency=st.none()
    | st.builds(EmergencyRecord, ts_ns=NS, before=MODES, trigger=st.sampled_from(Trigger), reason=TEXT, operator=TEXT),
    recovery=st.none() | NS.map(RecoveryPlan.from_start),
)
LIMITS = st.dictionaries(st.sampled_from(CHANGEABLE), st.floats(0.001, 100.0), max_size=3)
STATES = st.builds(
    ControlState,
    governor=GOVERNORS,
    breakers=st.none() | BOARDS,
    kills=KILL_SETS,
    emergency=st.none() | st.builds(EmergencySnapshot, started_ns=NS, reason=TEXT, risk_at_start=st.none() | NUMBERS),
    triggers=st.none() | st.builds(TriggersSnapshot, st.none() | NUMBERS),
    review=st.none()
    | st.builds(
        ParkedRequest,
        key=TEXT,
        strategy=NAMES,
        instrument=TEXT,
        side=st.sampled_from(Side),
        quantity=NUMBERS,
        parked_ns=NS,
        expires_ns=NS,
    ).map(lambda request: ReviewSnapshot((request,))),
    bases=st.none()
    | st.builds(EquityBases, NS, NUMBERS, NUMBERS, NUMBERS, st.lists(st.tuples(NS, NUMBERS), max_size=2).map(tuple)),
    limits=LIMITS,
    audit=st.builds(Head, NS, TEXT, NS),
    session=st.integers(0, 10_000),
)


def plain(mode: Mode = Mode.SEMI_AUTO, **fields: object) -> ControlState:
    return ControlState(governor=GovernorSnapshot(mode=mode), **fields)  # type: ignore[arg-type]


def kill(name: str = "A-001", stage: Stage = Stage.DONE) -> Kill:
    return Kill(
        scope=Scope(Level.STRATEGY, name),
        engaged_ns=1,
        operator="olaf",
        role=Role.OPERATOR,
        reason="test",
        flatten=Flatten.MARKET,
        stage=stage,
    )


def board(state: State, *, probe_out: bool = False) -> BreakersSnapshot:
    circuit = Circuit(level=Level.STRATEGY, name="A-001", state=state, probe_out=probe_out, equity_base=1.0)
    return BreakersSnapshot(equity=1.0, circuits=(circuit,))


@settings(max_examples=40)
@given(STATES)
def test_a_document_is_read_back_as_it_was_written(state: ControlState) -> None:
    assert decode(state.encode()) == state
    assert decode(state.encode()).encode() == state.encode()


@settings(max_examples=40)
@given(STATES, st.integers(1, 10))
def test_a_document_of_another_format_is_refused(state: ControlState, later: int) -> None:
    other = msgspec.structs.replace(state, format=FORMAT + later)

    with pytest.raises(ValueError, match=f"has format {FORMAT + later}, {FORMAT} was expected"):
        decode(other.encode())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"governor":{"mode":"Sloppy"}}',
        b'{"governor":{"mode":"Manual"},"limits":[1]}',
        b"\xff",
    ],
)
def test_what_is_no_document_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        decode(payload)


@settings(max_examples=40)
@given(STATES)
def test_nothing_is_looser_than_itself_or_than_nothing(state: ControlState) -> None:
    assert not state.looser_than(state)
    assert not state.looser_than(None)


@settings(max_examples=40)
@given(STATES, STATES)
def test_the_less_restrictive_mode_is_looser(one: ControlState, two: ControlState) -> None:
    other = msgspec.structs.replace(one, governor=two.governor)

    assert one.looser_than(other) is (one.mode.priority < two.mode.priority)


@settings(max_examples=40)
@given(STATES)
def test_adding_a_kill_is_never_looser_and_taking_it_back_always_is(state: ControlState) -> None:
    more = msgspec.structs.replace(state, kills=KillSnapshot(kills=(*state.kills.kills, kill("new"))))

    assert not more.looser_than(state)
    assert state.looser_than(more)


@settings(max_examples=40)
@given(STATES, st.sampled_from(CHANGEABLE), st.floats(0.001, 100.0), st.floats(0.001, 100.0))
def test_a_limit_that_bounds_less_is_looser(state: ControlState, path: str, one: float, two: float) -> None:
    here = msgspec.structs.replace(state, limits=state.limits | {path: one})
    there = msgspec.structs.replace(state, limits=state.limits | {path: two})
    without = msgspec.structs.replace(state, limits={name: each for name, each in state.limits.items() if name != path})

    assert here.looser_than(there) is (one > two if path in TIGHTER_BELOW else one < two)
    assert without.looser_than(here)
    assert not here.looser_than(without)


@settings(max_examples=40)
@given(STATES, STATES, STATES)
def test_what_is_looser_in_no_step_is_not_looser_in_both(
    one: ControlState, two: ControlState, three: ControlState
) -> None:
    if not one.looser_than(two) and not two.looser_than(three):
        assert not one.looser_than(three)


STANDS = [
    board(State.CLOSED),
    board(State.HALF_OPEN),
    board(State.HALF_OPEN, probe_out=True),
    board(State.OPEN),
]
"""A breaker as it stands, from the loosest to the strictest."""


@pytest.mark.parametrize("here", range(4))
@pytest.mark.parametrize("there", range(4))
def test_a_breaker_that_lets_more_pass_is_looser(here: int, there: int) -> None:
    assert plain(breakers=STANDS[here]).looser_than(plain(breakers=STANDS[there])) is (here < there)


def test_a_breaker_that_was_forgotten_is_looser() -> None:
    assert plain().looser_than(plain(breakers=board(State.OPEN)))
    assert not plain().looser_than(plain(breakers=board(State.CLOSED)))


def test_an_emergency_and_a_running_kill_are_unfinished() -> None:
    assert unfinished(plain(Mode.EMERGENCY))
    assert unfinished(plain(kills=KillSnapshot(kills=(kill(stage=Stage.RUNNING),))))
    assert unfinished(plain(kills=KillSnapshot(kills=(kill(stage=Stage.GAVE_UP),))))
    assert not unfinished(plain(kills=KillSnapshot(kills=(kill(stage=Stage.DONE),))))
