"""What a start may trust: one answer from what the stores say, and Emergency wherever they leave a doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from risk.modes.table import Mode
from risk.state.store import Corrupt, Finding, Found, Missing, StateRecord, Unreachable

FILE = "file"
FENCE = "etcd"
COPY = "object store"

CRASH_LOOP_NS = 5 * 60 * 1_000_000_000
CRASH_LOOP_STARTS = 3


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a start found.

    `record` is None where nothing was ever stored, or nothing of it is left. `doubt` says why the node must start
    in Emergency, None where nothing speaks against the record. `resume_rank` is the least restrictive
    `Mode.priority` the node may start in; `epoch` is the newest epoch any store showed, -1 for none.
    """

    record: StateRecord | None
    source: str
    resume_rank: int
    epoch: int
    warnings: tuple[str, ...] = ()
    doubt: str | None = None

    @property
    def first_start(self) -> bool:
        """Return whether nothing was ever stored anywhere."""
        return self.record is None and self.doubt is None


def settle(
    findings: Mapping[str, Finding], *, traces: Sequence[str] = (), contradictions: Sequence[str] = ()
) -> Recovered:
    """
    Reduce what the stores say to one answer.

    The newest epoch wins, and among equal epochs the most restrictive record. The file is the authority and etcd
    the fence: what is missing, damaged or newer than the file there is a doubt. The object store is a copy: its
    silence or age is a warning, but a copy newer than the file shows that the file lost something. An etcd that
    does not answer is no doubt, but nobody can say that this node is alone, so nothing above Manual resumes.

    Parameters
    ----------
    findings : mapping of str to Finding
        By store name: `FILE` always, `FENCE` and `COPY` where configured.
    traces : sequence of str
        Other things that show the node has run before (a journal), and so tell a first start from a loss.
    contradictions : sequence of str
        What the caller found against resuming, such as a damaged journal.

    """
    records = {name: record for name, finding in findings.items() if (record := _record(finding)) is not None}
    chosen = max(records, key=lambda name: _seniority(records[name], name), default="")
    record = records.get(chosen)
    doubts = [*contradictions]
    warnings: list[str] = []
    for name, finding in findings.items():
        against, mere = _speaks(name, finding, record, used=bool(records or traces))
        doubts += against
        warnings += mere
    doubts += _differences(records)
    if record is None and not doubts and traces:
        doubts.append("no store holds a state, but the node has run before: " + ", ".join(traces))

    resume_rank = Mode.MANUAL.priority if record is None else record.resume_rank
    if isinstance(findings.get(FENCE), Unreachable):
        resume_rank = max(resume_rank, Mode.MANUAL.priority)
    return Recovered(
        record=record,
        source=chosen,
        resume_rank=Mode.EMERGENCY.priority if doubts else resume_rank,
        epoch=max((each.epoch for each in records.values()), default=-1),
        warnings=tuple(warnings),
        doubt="; ".join(doubts) if doubts else None,
    )


def crash_loop(starts_ns: Sequence[int], now_ns: int) -> bool:
    """
    Say whether the start at `now_ns` is the third within five minutes.

    Parameters
    ----------
    starts_ns : sequence of int
        Earlier starts, without this one. One later than `now_ns` counts, for then a clock went backwards.
    now_ns : int
        This start.

    """
    recent = sum(start > now_ns - CRASH_LOOP_NS for start in starts_ns)
    return recent + 1 >= CRASH_LOOP_STARTS


def _record(finding: Finding) -> StateRecord | None:
    match finding:
        case Found(record):
            return record
        case Corrupt(_, survivor):
            return survivor
        case _:
            return None


def _seniority(record: StateRecord, name: str) -> tuple[int, int, int, bool]:
    return record.epoch, record.resume_rank, record.rank, name == FILE


def _speaks(name: str, finding: Finding, record: StateRecord | None, *, used: bool) -> tuple[list[str], list[str]]:
    """Return the doubts and the warnings one store gives."""
    copy = name == COPY
    match finding:
        case Corrupt(reason, _):
            said = [f"{name} is damaged: {reason}"]
            return ([], said) if copy else (said, [])
        case Unreachable(reason):
            said = [f"{name} does not answer: {reason}"]
            return (said, []) if name == FILE else ([], said)
        case Missing():
            said = [f"{name} holds nothing"] if used else []
            return ([], said) if copy else (said, [])
        case Found(held) if record is not None and held.epoch < record.epoch:
            said = [f"{name} holds epoch {held.epoch}, older than {record.epoch}"]
            return (said, []) if name == FILE else ([], said)
    return [], []


def _differences(records: Mapping[str, StateRecord]) -> list[str]:
    """Return the pairs of stores that hold different records of one epoch."""
    names = sorted(records)
    return [
        f"{one} and {other} hold different records of epoch {records[one].epoch}"
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if records[one].epoch == records[other].epoch and records[one] != records[other]
    ]
