"""Find out which instrument a file is about, from what the user said or, where only one fits, from the file's name."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from catalog.instruments import InstrumentSpec, Kind
from catalog.spec_files import load_brackets, load_spec, shipped_spec, shipped_specs
from catalog.store.parquet import Catalog
from errors import ConfigError


def instrument_for(
    catalog: Catalog,
    path: Path,
    *,
    instrument_id: str | None,
    kind: Kind | None,
    spec_file: Path | None,
    brackets_file: Path | None,
) -> InstrumentSpec:
    """
    Return the facts of the instrument a file is to be ingested for.

    A spec file is taken before what the catalog has, and that before what is shipped: facts once stored stay
    until a person gives others. Without an id the file's name must name exactly one known instrument.

    Raises
    ------
    ConfigError
        If nothing or more than one thing fits, or the parts contradict each other.

    """
    if spec_file is not None:
        spec = load_spec(spec_file, brackets_file)
        if instrument_id not in {None, spec.instrument_id}:
            raise ConfigError(f"is about {spec.instrument_id}, --instrument says {instrument_id}", where=str(spec_file))
    else:
        wanted = instrument_id if instrument_id is not None else _named_by(catalog, path, kind)
        stored = catalog.specs().get(wanted)
        spec = stored if stored is not None and kind in {None, stored.kind} else shipped_spec(wanted, kind)
        if brackets_file is not None:
            spec = _with_brackets(spec, brackets_file)
    if kind not in {None, spec.kind}:
        raise ConfigError(f"--kind says {kind.value if kind else ''}, but {spec.instrument_id} is {spec.kind.value}")
    return spec


def _with_brackets(spec: InstrumentSpec, path: Path) -> InstrumentSpec:
    try:
        return msgspec.structs.replace(spec, brackets=load_brackets(path, spec.base, spec.quote))
    except ValueError as error:
        raise ConfigError(str(error), where=str(path)) from None


def _named_by(catalog: Catalog, path: Path, kind: Kind | None) -> str:
    """Return the one known instrument whose symbol is a word of the file's name."""
    words = set(re.split(r"[^A-Z0-9]+", path.name.upper()))
    known = {(spec.instrument_id, spec.kind): spec for spec in catalog.specs().values()} | dict(shipped_specs())
    fitting = {
        spec.instrument_id
        for spec in known.values()
        if kind in {None, spec.kind} and spec.symbol.replace("-", "").removesuffix("PERP") in words
    }
    if len(fitting) == 1:
        return fitting.pop()
    found = f"it may be {', '.join(sorted(fitting))}" if fitting else "its name has no known symbol"
    raise ConfigError(f"which instrument is it? {found}; say it with --instrument, or give --spec", where=str(path))
