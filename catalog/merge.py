"""Compare new records and facts with what the catalog holds: what is new, what contradicts."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import pandas as pd

from catalog.instruments import InstrumentSpec
from catalog.sources.records import Records
from catalog.store.content import read_content, stored_records
from catalog.store.manifest import Manifest
from catalog.store.parquet import Catalog
from errors import PreconditionError

_IDENTITY: Final = ("kind", "base", "quote", "settlement", "price_precision", "size_precision")
"""Facts that stored data depends on; the others, such as fees, may be brought up to date."""


def spec_changes(catalog: Catalog, spec: InstrumentSpec) -> tuple[str, ...]:
    """
    Return in words which facts of a stored instrument the new spec would change.

    Raises
    ------
    PreconditionError
        If it would change what stored data depends on: kind, currencies or precision.

    """
    stored = catalog.specs().get(spec.instrument_id)
    if stored is None or stored == spec:
        return ()
    for name in _IDENTITY:
        old, new = getattr(stored, name), getattr(spec, name)
        if old != new:
            raise PreconditionError(
                f"the catalog {catalog.root} has {spec.instrument_id} with {name} {_text(old)}, the spec says "
                f"{_text(new)}; use another catalog, or the stored facts"
            )
    old_facts, new_facts = msgspec.structs.asdict(stored), msgspec.structs.asdict(spec)
    return tuple(
        f"{name} of {spec.instrument_id} changed" + ("" if name == "brackets" else f" from {old} to {new_facts[name]}")
        for name, old in old_facts.items()
        if old != new_facts[name]
    )


def addition(catalog: Catalog, stored: Manifest | None, clean: Records, file: str) -> np.ndarray:
    """
    Return which of the new records lie before or after what is stored, as bool[n].

    Raises
    ------
    PreconditionError
        If the records differ from the stored ones where the two overlap; the text says by how much and where.

    """
    new = outside(clean.ts_ns, stored)
    if stored is None:
        return new
    there = stored_records(read_content(catalog.root, stored), stored)
    low, high = max(int(clean.ts_ns[0]), stored.first_ns), min(int(clean.ts_ns[-1]), stored.last_ns)
    ours = there.take(np.flatnonzero((there.ts_ns >= low) & (there.ts_ns <= high)))
    theirs = clean.take(np.flatnonzero(~new))
    differences = _differences(ours, theirs)
    if differences:
        raise PreconditionError(f"{file} contradicts {stored.dataset}, which stays as it was: {'; '.join(differences)}")
    return new


def outside(ts_ns: np.ndarray, stored: Manifest | None) -> np.ndarray:
    """Return which times lie before or after a stored data set, as bool[n]; all of them where nothing is stored."""
    if stored is None:
        return np.ones(len(ts_ns), dtype=bool)
    return np.asarray((ts_ns < stored.first_ns) | (ts_ns > stored.last_ns))


def _differences(ours: Records, theirs: Records) -> list[str]:
    shared, mine, other = np.intersect1d(ours.ts_ns, theirs.ts_ns, assume_unique=True, return_indices=True)
    found: list[str] = []
    for name, values in ours.values.items():
        rows = np.flatnonzero(values[mine] != theirs.values[name][other])
        if len(rows):
            row = rows[0]
            found.append(
                f"{name} differs in {len(rows):,} records, first at {iso(int(shared[row]))}: stored "
                f"{values[mine][row]:.10g}, in the file {theirs.values[name][other][row]:.10g}"
            )
    for word, times in (
        ("missing in the file", np.setdiff1d(ours.ts_ns, shared, assume_unique=True)),
        ("missing in the catalog", np.setdiff1d(theirs.ts_ns, shared, assume_unique=True)),
    ):
        if len(times):
            found.append(f"{len(times):,} records are {word}, first at {iso(int(times[0]))}")
    return found


def iso(ts_ns: int) -> str:
    """Return a time as ISO 8601 in UTC."""
    return str(pd.Timestamp(ts_ns, tz="UTC").isoformat()).replace("+00:00", "Z")


def _text(value: object) -> object:
    return getattr(value, "value", value)
