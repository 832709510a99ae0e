"""A schedule never lets a model speak of its own past, and never loads what was edited."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import PreconditionError
from strategies.features.spec import FeatureSpec
from strategies.models.schedule import SCHEDULE_FILE, Entry, ModelSchedule, Provenance
from tests.strategies.models.forests import small_model

LAYOUT = hashlib.sha256(b"layout").hexdigest()
MODELS = tuple(small_model(rounds=2, seed=seed) for seed in range(4))


def provenance(embargo_ns: int = 0) -> Provenance:
    return Provenance(
        name="test",
        layout_hash=LAYOUT,
        features=(FeatureSpec(name="ema", params={"window": 20}), FeatureSpec(name="rsi", label="r")),
        instruments=("BTCUSDT-PERP.BINANCE",),
        bar="1-HOUR",
        horizon_bars=8,
        embargo_ns=embargo_ns,
        data_fingerprint="abc",
        code_version="1",
        seed=7,
    )


def entry(number: int, valid_from_ns: int, valid_to_ns: int | None, trained_until_ns: int) -> Entry:
    return Entry(
        valid_from_ns=valid_from_ns,
        valid_to_ns=valid_to_ns,
        trained_until_ns=trained_until_ns,
        base_rate=0.5,
        file=f"fold_{number:02d}.ubj",
        sha256=hashlib.sha256(MODELS[number]).hexdigest(),
    )


def schedule(*spans: tuple[int, int | None, int], embargo_ns: int = 0) -> ModelSchedule:
    entries = [entry(number, *span) for number, span in enumerate(spans)]
    return ModelSchedule.build(
        provenance(embargo_ns), entries, {item.file: MODELS[number] for number, item in enumerate(entries)}
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    schedule((100, 200, 80), (200, 300, 180), (310, None, 290), embargo_ns=20).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("ts_ns", "index"),
    [(-1, None), (99, None), (100, 0), (199, 0), (200, 1), (299, 1), (300, None), (309, None), (310, 2), (10**19, 2)],
)
def test_each_time_has_at_most_the_one_model_valid_then(saved: Path, ts_ns: int, index: int | None) -> None:
    loaded = ModelSchedule.load(saved)

    assert loaded.index_at(ts_ns) == index
    assert loaded.at(ts_ns) is (None if index is None else loaded.forests[index])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), embargo_ns=st.integers(0, 40))
def test_no_model_speaks_of_a_time_within_the_embargo_of_its_training_data(
    data: st.DataObject, embargo_ns: int
) -> None:
    spans: list[tuple[int, int | None, int]] = []
    start = 0
    for _ in range(data.draw(st.integers(1, 4))):
        start += data.draw(st.integers(0, 30))
        length = data.draw(st.integers(-1, 30))
        spans.append((start, start + length, start - data.draw(st.integers(-10, 60))))
        start += length
    try:
        made = schedule(*spans, embargo_ns=embargo_ns)
    except PreconditionError:
        looks_ahead = any(until > begin - embargo_ns for begin, _, until in spans)
        assert looks_ahead or any(end is not None and end <= begin for begin, end, _ in spans)
        return

    for ts_ns in range(-5, start + 40):
        index = made.index_at(ts_ns)
        if index is not None:
            assert made.entries[index].trained_until_ns + embargo_ns <= ts_ns


def test_training_data_may_end_exactly_an_embargo_before_the_first_decision_and_no_later() -> None:
    assert schedule((100, None, 80), embargo_ns=20).at(100) is not None
    with pytest.raises(PreconditionError, match="would look ahead: trained until 81, valid from 100, embargo 20 ns"):
        schedule((100, None, 81), embargo_ns=20)


@pytest.mark.parametrize("spans", [((100, 201, 0), (200, None, 0)), ((100, None, 0), (200, None, 0))])
def test_refuses_models_whose_times_overlap(spans: tuple[tuple[int, int | None, int], ...]) -> None:
    with pytest.raises(PreconditionError, match="begins before the one before it ends"):
        schedule(*spans)


def test_what_is_saved_is_what_is_loaded(saved: Path) -> None:
    made = schedule((100, 200, 80), (200, 300, 180), (310, None, 290), embargo_ns=20)
    loaded = ModelSchedule.load(saved)
    rows = np.random.default_rng(1).normal(size=(20, 3))

    assert loaded.provenance == made.provenance
    assert loaded.entries == made.entries
    assert loaded.digest == made.digest
    assert (loaded.layout_hash, loaded.horizon_bars, loaded.embargo_ns) == (LAYOUT, 8, 20)
    assert loaded.feature_specs == made.provenance.features
    for one, other in zip(loaded.forests, made.forests, strict=True):
        assert one.margins(rows).tolist() == other.margins(rows).tolist()


def test_saving_twice_writes_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    ModelSchedule.load(saved).save(tmp_path / "again")

    for path in saved.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_refuses_another_feature_layout() -> None:
    made = schedule((100, None, 80))
    made.require_layout(LAYOUT)

    with pytest.raises(PreconditionError, match="was trained on the feature layout"):
        made.require_layout("0" * 64)


@pytest.mark.parametrize(
    ("key", "value"),
    [("valid_from_ns", 90), ("trained_until_ns", 10), ("base_rate", 0.4), ("sha256", "0" * 64), ("file", "other.ubj")],
)
def test_refuses_an_edited_entry(saved: Path, key: str, value: Any) -> None:
    document = json.loads((saved / SCHEDULE_FILE).read_text())
    document["entries"][0][key] = value
    (saved / SCHEDULE_FILE).write_text(json.dumps(document))

    with pytest.raises(PreconditionError, match="its digest does not fit"):
        ModelSchedule.load(saved)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_refuses_any_changed_byte_of_any_file(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("edited")
    schedule((100, 200, 80), (200, None, 180)).save(folder)
    path = folder / data.draw(st.sampled_from([SCHEDULE_FILE, "fold_00.ubj", "fold_01.ubj"]))
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        loaded = ModelSchedule.load(folder)
    except PreconditionError:
        return
    assert loaded.digest == schedule((100, 200, 80), (200, None, 180)).digest  # white space between JSON tokens


def test_refuses_exchanged_models(saved: Path) -> None:
    first, second = saved / "fold_00.ubj", saved / "fold_01.ubj"
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)

    with pytest.raises(PreconditionError, match=r"fold_00\.ubj: edited or damaged"):
        ModelSchedule.load(saved)


@pytest.mark.parametrize("name", [SCHEDULE_FILE, "fold_01.ubj"])
def test_says_which_file_is_missing(saved: Path, name: str) -> None:
    (saved / name).unlink()

    with pytest.raises(PreconditionError, match=f"{name}: not readable"):
        ModelSchedule.load(saved)


@pytest.mark.parametrize("file", ["../fold_00.ubj", "/etc/passwd", "fold 00.ubj", "x.pkl"])
def test_refuses_a_file_name_that_leaves_the_folder(saved: Path, file: str) -> None:
    document = json.loads((saved / SCHEDULE_FILE).read_text())
    document["entries"][0]["file"] = file
    (saved / SCHEDULE_FILE).write_text(json.dumps(document))

    with pytest.raises(PreconditionError, match="not a model schedule"):
        ModelSchedule.load(saved)


def test_refuses_a_newer_format(saved: Path) -> None:
    document = json.loads((saved / SCHEDULE_FILE).read_text())
    document["format"] = 2
    (saved / SCHEDULE_FILE).write_bytes(msgspec.json.encode(document))

    with pytest.raises(PreconditionError, match="format must be 1, was 2"):
        ModelSchedule.load(saved)


def test_refuses_models_that_read_rows_of_different_length() -> None:
    wide = small_model(rounds=2, width=5)
    entries = [
        entry(0, 100, 200, 80),
        msgspec.structs.replace(entry(1, 200, None, 180), sha256=hashlib.sha256(wide).hexdigest()),
    ]

    with pytest.raises(PreconditionError, match="rows of one length"):
        ModelSchedule.build(provenance(), entries, {"fold_00.ubj": MODELS[0], "fold_01.ubj": wide})
