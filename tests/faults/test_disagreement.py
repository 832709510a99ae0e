"""R7: file, etcd and object store in every combination of mode, age, loss and damage."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from risk.modes.table import Mode
from risk.state.recovery import COPY, FENCE, FILE, settle
from risk.state.store import Corrupt, Finding, Found, Missing, StateRecord, Unreachable

EMERGENCY = Mode.EMERGENCY.priority
MANUAL = Mode.MANUAL.priority
NEW, OLD = 9, 8


def record(mode: Mode, epoch: int) -> StateRecord:
    return StateRecord(epoch=epoch, rank=mode.priority, resume_rank=mode.priority, payload=mode.value.encode())


HELD: list[Finding] = [Found(record(mode, epoch)) for epoch in (NEW, OLD) for mode in Mode]
LOST: list[Finding] = [Missing(), Corrupt("bad"), Unreachable("down")]
DAMAGED: list[Finding] = [Corrupt("bad", record(mode, epoch)) for epoch in (NEW, OLD) for mode in Mode]


def test_every_combination_follows_the_rule(counted: Callable[[str], None]) -> None:
    combinations = list(product(HELD + LOST + DAMAGED, repeat=3))
    doubts = 0
    for file, etcd, copy in combinations:
        recovered = settle({FILE: file, FENCE: etcd, COPY: copy})
        held = [each for each in (known(file), known(etcd), known(copy)) if each is not None]
        if held:
            newest = max(each.epoch for each in held)
            most_restrictive = max(each.rank for each in held if each.epoch == newest)
            assert recovered.record is not None
            assert (recovered.record.epoch, recovered.record.rank) == (newest, most_restrictive)
        else:
            assert recovered.record is None
        sound = is_sound(file, etcd, copy)
        assert (recovered.doubt is None) == sound, (file, etcd, copy, recovered)
        if not sound:
            assert recovered.resume_rank == EMERGENCY
        elif recovered.record is not None:
            floor = MANUAL if isinstance(etcd, Unreachable) else 0
            assert recovered.resume_rank == max(recovered.record.rank, floor)
        doubts += not sound

    counted(f"stores that disagree: {len(combinations)} combinations, {doubts} of them in doubt and so in Emergency")
    assert len(combinations) == 19**3


def known(finding: Finding) -> StateRecord | None:
    return getattr(finding, "record", None) or getattr(finding, "survivor", None)


def is_sound(file: Finding, etcd: Finding, copy: Finding) -> bool:
    """Say in other words when nothing speaks against the file."""
    if isinstance(file, Missing):
        # a first start, as far as those can tell that answer
        return isinstance(etcd, (Missing, Unreachable)) and known(copy) is None
    if not isinstance(file, Found) or isinstance(etcd, (Corrupt, Missing)):
        return False
    for other in (known(etcd), known(copy)):
        if other is not None and other.epoch > file.record.epoch:
            return False
        if other is not None and other.epoch == file.record.epoch and other != file.record:
            return False
    return not (
        known(etcd) is not None
        and known(copy) is not None
        and known(etcd).epoch == known(copy).epoch
        and known(etcd) != known(copy)
    )


def test_nothing_anywhere_is_a_first_start_unless_something_shows_an_earlier_one() -> None:
    nothing = {FILE: Missing(), FENCE: Missing(), COPY: Missing()}

    assert settle(nothing).first_start
    assert not settle(nothing, traces=["journal"]).first_start
    assert settle(nothing, traces=["journal"]).resume_rank == EMERGENCY
    assert settle({FILE: Missing()}).first_start


def test_what_the_caller_found_wrong_is_a_doubt() -> None:
    recovered = settle({FILE: HELD[0]}, contradictions=["the journal is damaged"])

    assert recovered.doubt == "the journal is damaged"
    assert recovered.resume_rank == EMERGENCY


def test_a_loosening_that_nobody_was_told_of_is_not_resumed() -> None:
    unconfirmed = StateRecord(epoch=3, rank=Mode.FULL_AUTO.priority, resume_rank=Mode.SEMI_AUTO.priority, payload=b"")

    assert settle({FILE: Found(unconfirmed)}).resume_rank == Mode.SEMI_AUTO.priority
