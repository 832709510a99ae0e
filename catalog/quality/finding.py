"""What a check says about records: the verdict, what is done with them, and why."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from catalog.model import I64


class Verdict(Enum):
    """Judgement on one record."""

    VALID = "VALID"
    STALE = "STALE"
    GAP = "GAP"
    INCONSISTENT = "INCONSISTENT"
    SCHEMA = "SCHEMA"
    DUPLICATE = "DUPLICATE"


class Action(Enum):
    """What becomes of a record: kept and counted, set aside as a repetition, or kept out of the data set."""

    FLAG = "FLAG"
    DROP = "DROP"
    QUARANTINE = "QUARANTINE"


class Finding(NamedTuple):
    """
    One fault, found by one check, in some records.

    `rows` are positions in the records the check was given. `column` names the column at fault, in this
    project's words, and is empty where the whole record is.
    """

    check: str
    verdict: Verdict
    action: Action
    rows: I64
    reason: str
    column: str = ""


class Gap(NamedTuple):
    """A run of missing records: first and last missing time (a bar's close), and how many."""

    first_missing_ns: int
    last_missing_ns: int
    missing: int
