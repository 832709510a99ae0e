"""Check a folder's audit log as a whole: its chain, the published heads, and the decisions it vouches for."""

from __future__ import annotations

import hashlib

import msgspec

from research.trail.folder import DECISIONS, TrailFolder
from risk.audit import records, verify


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a check found.

    `problem` is None where all holds; else it says what is wrong with record `line` (counted from 1) of file `where`.
    `notes` say what could not be checked.
    """

    records: int
    heads: int
    decisions: int
    where: str = ""
    line: int = 0
    problem: str | None = None
    notes: tuple[str, ...] = ()


def verify_folder(folder: TrailFolder) -> Finding:
    """
    Check an audit log, and every line of the decision log against the hash that the audit log holds of it.

    Raises
    ------
    PreconditionError
        If there is no audit log.

    """
    heads = folder.heads()
    broken = verify(folder.audit_path, heads=heads)
    if broken is not None:
        return Finding(
            records=broken.line - 1,
            heads=len(heads),
            decisions=0,
            where=folder.audit_path.name,
            line=broken.line,
            problem=broken.problem,
        )
    vouched = {r.data["seq"]: r.data["decision_hash"] for r in folder.audit() if r.kind == "DECISION"}
    count = sum(1 for _ in records(folder.audit_path))
    notes = [] if heads else ["no head was published: that the log's end was cut off could not be seen"]
    line, problem, checked = _check_decisions(folder, vouched, notes)
    return Finding(
        records=count,
        heads=len(heads),
        decisions=checked,
        where=DECISIONS if problem is not None else "",
        line=line,
        problem=problem,
        notes=tuple(notes),
    )


def _check_decisions(folder: TrailFolder, vouched: dict[int, str], notes: list[str]) -> tuple[int, str | None, int]:
    path = folder.path / DECISIONS
    if not path.is_file():
        notes.append(f"{DECISIONS} is missing here: decisions were not checked")
        return 0, None, 0
    if not vouched:
        notes.append("the audit log vouches for no decision")
        return 0, None, 0
    running = hashlib.sha256()
    seq = -1
    with path.open("rb") as file:
        for seq, text in enumerate(file):
            running.update(text)
            expected = vouched.get(seq)
            if expected is None:
                return seq + 1, "a decision the audit log does not know", seq
            if running.hexdigest() != expected:
                return seq + 1, "not the decision whose hash is in the audit log", seq
    if seq + 1 != len(vouched):
        return seq + 2, f"{len(vouched)} decisions are in the audit log, {seq + 1} are left", seq + 1
    return 0, None, seq + 1
