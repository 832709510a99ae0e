"""Find the folder that holds the logs of a run or of a node's session, and read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from errors import PreconditionError
from research.reports.runs import find_run, read_manifest
from risk.audit import AuditRecord, Head, read_heads, records
from risk.control.document import decode
from risk.state.file_store import peek
from risk.state.store import Found

AUDIT = "audit.jsonl"
HEADS = "audit.heads.jsonl"
DECISIONS = "decisions.jsonl"
STATE = "state"


class Fill(msgspec.Struct, frozen=True):
    """One fill, from a run's table or from the audit log."""

    ts_ns: int
    client_order_id: str
    trade_id: str
    instrument: str
    side: str
    quantity: float
    price: float
    fee: float
    liquidity: str


class TrailFolder:
    """
    The logs of one run or session.

    Parameters
    ----------
    path : Path
        A folder with at least a decision log.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        if not (path / DECISIONS).is_file() and not (path / AUDIT).is_file():
            raise PreconditionError(f"{path} holds neither {DECISIONS} nor {AUDIT}")

    @property
    def audit_path(self) -> Path:
        """The audit log: the run's own, or that of the node whose session this is."""
        for folder in (self.path, *self.path.parents[:2]):
            if (folder / AUDIT).is_file():
                return folder / AUDIT
        raise PreconditionError(f"{self.path}: {AUDIT} is missing")

    def heads(self) -> tuple[Head, ...]:
        """Return the heads published beside the audit log, in a node's stored state, and in a run's manifest."""
        heads = (*read_heads(self.audit_path.with_name(HEADS)), *_stored_head(self.audit_path.with_name(STATE)))
        if (self.path / "manifest.json").is_file():
            manifest = read_manifest(self.path)
            if manifest.audit_head:
                heads = (*heads, Head(manifest.audit_records, manifest.audit_head))
        return heads

    def audit(self) -> Iterator[AuditRecord]:
        """Give the records of the audit log; of a node's log, which goes on from session to session, this session's."""
        path = self.audit_path
        if path.parent == self.path:
            yield from records(path)
            return
        inside = False
        for record in records(path):
            if record.kind == "SESSION_START":
                inside = record.data.get("session") == self.name
            if inside:
                yield record

    def decisions(self) -> Iterator[dict[str, Any]]:
        """Give the lines of the decision log as data."""
        path = self.path / DECISIONS
        if not path.is_file():
            raise PreconditionError(f"{self.path}: {DECISIONS} is missing")
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield msgspec.json.decode(line)
                except msgspec.DecodeError as error:
                    raise PreconditionError(f"{path}, line {number}: not a decision: {error}") from None

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return a table's rows as data, none where the folder has no such table."""
        path = self.path / table
        return pq.read_table(path).to_pylist() if path.is_file() else []

    def fills(self) -> list[Fill]:
        """Return all fills in their order: of the table, or of the audit log where there is none."""
        names = Fill.__struct_fields__
        if (self.path / "fills.parquet").is_file():
            return [Fill(**{name: row[name] for name in names}) for row in self.rows("fills.parquet")]
        return [
            Fill(ts_ns=record.data["ts_event"], **{name: record.data[name] for name in names if name != "ts_ns"})
            for record in self.audit()
            if record.kind == "FILL"
        ]


def find(home: Path, name: str) -> TrailFolder:
    """
    Return the logs that go by a name.

    Parameters
    ----------
    home : Path
        The folder of runs and nodes.
    name : str
        A folder's path; a node's name, for its latest session; a run's name or its beginning; ``latest`` for the
        latest run.

    Raises
    ------
    PreconditionError
        If there is none of that name.

    """
    if Path(name).is_dir():
        return TrailFolder(Path(name))
    node = home / "nodes" / name
    if name and node.is_dir():
        sessions = sorted(path for path in (node / "sessions").glob("*") if path.is_dir())
        return TrailFolder(sessions[-1] if sessions else node)
    return TrailFolder(find_run(home / "runs", name))


def _stored_head(folder: Path) -> tuple[Head, ...]:
    """Return the head that a node's state holds, none where there is no state that can be read."""
    finding = peek(folder) if folder.is_dir() else None
    if not isinstance(finding, Found):
        return ()
    try:
        head = decode(finding.record.payload).audit
    except ValueError:
        return ()
    return (head,) if head.count else ()
