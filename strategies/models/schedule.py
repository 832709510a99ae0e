"""
Say which model may speak when: each only about times after everything it learned from had happened.

A folder holds ``schedule.json`` and one XGBoost UBJSON file an entry. The JSON names each file's SHA-256, and carries a
digest of itself, so a damaged or edited folder is refused. There is no pickle: a model file cannot run code.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

import msgspec

from errors import PreconditionError
from strategies.features.spec import FeatureSpec
from strategies.models.forest import Forest

SCHEDULE_FILE = "schedule.json"
FORMAT = 1
FILE_SIZE_MAX = 512 * 1024 * 1024

_Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_FileName = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}[.]ubj$")]
_NotNegative = Annotated[int, msgspec.Meta(ge=0)]


class Provenance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all models of a schedule have in common. Their output is P(forward return over `horizon_bars` > 0)."""

    name: str
    layout_hash: _Sha256
    features: tuple[FeatureSpec, ...]
    instruments: tuple[str, ...]
    bar: str
    horizon_bars: Annotated[int, msgspec.Meta(ge=1)]
    embargo_ns: _NotNegative
    data_fingerprint: str
    code_version: str
    seed: int


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One model and the decision times it may speak about: from `valid_from_ns` to before `valid_to_ns` (None: no end).

    `trained_until_ns` is the last instant any training row learned from, the end of its label included.
    `base_rate` is the share of rising labels among the training rows.
    """

    valid_from_ns: int
    valid_to_ns: int | None
    trained_until_ns: int
    base_rate: Annotated[float, msgspec.Meta(ge=0, le=1)]
    file: _FileName
    sha256: _Sha256


class ScheduleDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON file: `digest` is the SHA-256 of the document with an empty digest, encoded by msgspec."""

    format: int
    provenance: Provenance
    entries: Annotated[tuple[Entry, ...], msgspec.Meta(min_length=1)]
    digest: str = ""


class ModelSchedule:
    """
    Models in the order of the times they may speak about.

    Build one with `build` after training, or `load` from a folder. Either way no entry exists whose training data
    reach past ``valid_from_ns - embargo_ns``, and entries do not overlap.

    Attributes
    ----------
    provenance : Provenance
        Layout, features, horizon, embargo and origin.
    entries : tuple[Entry, ...]
        Ascending in `valid_from_ns`.
    forests : tuple[Forest, ...]
        The compiled model of each entry.
    digest : str
        SHA-256 that identifies the schedule and, through the files' hashes, every model in it.

    """

    def __init__(self, document: ScheduleDocument, models: Mapping[str, bytes]) -> None:
        _check_times(document)
        self.provenance = document.provenance
        self.entries = document.entries
        self.digest = _digest(document)
        self._models = {entry.file: _checked(models, entry) for entry in document.entries}
        self.forests = tuple(Forest.from_ubjson(self._models[entry.file]) for entry in self.entries)
        widths = {forest.feature_count for forest in self.forests}
        if len(widths) != 1:
            raise PreconditionError(f"models of one schedule must read rows of one length, these read {sorted(widths)}")
        self._starts = [entry.valid_from_ns for entry in self.entries]

    @property
    def layout_hash(self) -> str:
        """Hash of the feature layout that every model here was trained on."""
        return self.provenance.layout_hash

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The features in the order of the row."""
        return self.provenance.features

    @property
    def horizon_bars(self) -> int:
        """Bars ahead that a prediction is about."""
        return self.provenance.horizon_bars

    @property
    def embargo_ns(self) -> int:
        """Least time between the end of training data and the first decision."""
        return self.provenance.embargo_ns

    @classmethod
    def build(cls, provenance: Provenance, entries: Sequence[Entry], models: Mapping[str, bytes]) -> Self:
        """Put trained models into a schedule; raise `PreconditionError` where one would look ahead or overlap."""
        return cls(ScheduleDocument(format=FORMAT, provenance=provenance, entries=tuple(entries)), models)

    def at(self, ts_ns: int) -> Forest | None:
        """
        Return the model that may speak about a decision at `ts_ns`, or None before the first and after the last.

        Its training data, labels included, ended at least `embargo_ns` before it became valid, so before `ts_ns`.
        """
        index = self.index_at(ts_ns)
        return None if index is None else self.forests[index]

    def index_at(self, ts_ns: int) -> int | None:
        """Return the position in `entries` of the model for a decision at `ts_ns`; see `at`."""
        index = bisect_right(self._starts, ts_ns) - 1
        if index < 0:
            return None
        end = self.entries[index].valid_to_ns
        return index if end is None or ts_ns < end else None

    def require_layout(self, layout_hash: str) -> None:
        """Raise `PreconditionError` unless rows of this feature layout are what the models were trained on."""
        if layout_hash != self.layout_hash:
            raise PreconditionError(
                f"model {self.provenance.name!r} was trained on the feature layout {self.layout_hash[:12]}, "
                f"the rows have {layout_hash[:12]}: use the features of the model, or train it again"
            )

    def save(self, folder: Path) -> None:
        """
        Write ``schedule.json`` and the model files into a folder, which is made where missing.

        The JSON is written last, so an interrupted save leaves no schedule that loads.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for file, raw in self._models.items():
            (folder / file).write_bytes(raw)
        document = ScheduleDocument(format=FORMAT, provenance=self.provenance, entries=self.entries, digest=self.digest)
        (folder / SCHEDULE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """
        Read a schedule and check every file against its hash.

        Raises
        ------
        PreconditionError
            If a file is missing, damaged or edited, a model cannot be run, an entry would look ahead, or the model
            rows differ in length.

        """
        raw = _read(folder / SCHEDULE_FILE)
        try:
            document = msgspec.json.decode(raw, type=ScheduleDocument)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise PreconditionError(f"{folder / SCHEDULE_FILE}: not a model schedule: {error}") from None
        if document.format != FORMAT:
            raise PreconditionError(f"{folder / SCHEDULE_FILE}: format must be {FORMAT}, was {document.format}")
        if document.digest != _digest(document):
            raise PreconditionError(f"{folder / SCHEDULE_FILE}: edited or damaged, its digest does not fit")
        return cls(document, {entry.file: _read(folder / entry.file) for entry in document.entries})


def _check_times(document: ScheduleDocument) -> None:
    embargo_ns = document.provenance.embargo_ns
    end_ns: int | None = None
    for index, entry in enumerate(document.entries):
        if entry.trained_until_ns > entry.valid_from_ns - embargo_ns:
            raise PreconditionError(
                f"model {index} ({entry.file}) would look ahead: trained until {entry.trained_until_ns}, "
                f"valid from {entry.valid_from_ns}, embargo {embargo_ns} ns"
            )
        if entry.valid_to_ns is not None and entry.valid_to_ns <= entry.valid_from_ns:
            raise PreconditionError(f"model {index} ({entry.file}) is valid for no time")
        if index and (end_ns is None or entry.valid_from_ns < end_ns):
            raise PreconditionError(f"model {index} ({entry.file}) begins before the one before it ends")
        end_ns = entry.valid_to_ns
    files = [entry.file for entry in document.entries]
    if len(set(files)) != len(files):
        raise PreconditionError("two models of a schedule name the same file")


def _checked(models: Mapping[str, bytes], entry: Entry) -> bytes:
    raw = models[entry.file]
    found = hashlib.sha256(raw).hexdigest()
    if found != entry.sha256:
        raise PreconditionError(f"{entry.file}: edited or damaged, SHA-256 must be {entry.sha256}, is {found}")
    return raw


def _digest(document: ScheduleDocument) -> str:
    bare = msgspec.structs.replace(document, digest="")
    return hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_SIZE_MAX:
            raise PreconditionError(f"{path}: larger than {FILE_SIZE_MAX} bytes")
        return path.read_bytes()
    except OSError as error:
        raise PreconditionError(f"{path}: not readable: {error.strerror}") from None
