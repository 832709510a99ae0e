"""A training file is refused with file, key and reason where it does not fit; the shipped ones load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

import settings
from errors import ConfigError, PreconditionError
from research.training.certificates import refuse_uncertified
from research.training.config import TrainConfig
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from tests.research.training.stores import small_config

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
VALID: dict[str, Any] = {
    "name": "m",
    "instruments": ["A.TEST"],
    "bar": "1-HOUR",
    "start": "2020-01-01",
    "end": "2020-06-30",
}


def load(tmp_path: Path, **changes: Any) -> TrainConfig:
    path = tmp_path / "train.toml"
    path.write_bytes(tomli_w.dumps(VALID | changes).encode())
    return settings.load(path, TrainConfig)


@pytest.mark.parametrize("name", ["train-demo.toml", "train-usdm-1h.toml"])
def test_shipped_configurations_load_and_name_real_columns(name: str) -> None:
    config = settings.load(CONFIGS / name, TrainConfig)
    names = FeatureSet(config.features or DEFAULT_SPECS).names

    assert set(config.columns_ignored) < set(names)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nmae": "x"}, "unknown field `nmae`"),
        ({"name": "Bad Name"}, "key name"),
        ({"name": "../x"}, "key name"),
        ({"instruments": []}, "key instruments"),
        ({"instruments": ["A.TEST", "A.TEST"]}, "must differ"),
        ({"bar": "90-PARSEC"}, "key bar"),
        ({"start": "yesterday"}, "start must be an ISO 8601 date or instant such as 2020-01-01, was 'yesterday'"),
        ({"start": "2021-01-01"}, "need start before end"),
        ({"horizon_bars": 0}, "key horizon_bars"),
        ({"embargo_bars": -1}, "key embargo_bars"),
        ({"seed": 1.5}, "key seed"),
        ({"folds": {"count": 0}}, "key folds.count"),
        ({"folds": {"window": "sliding"}}, "key folds.window"),
        ({"booster": {"max_depth": 13}}, "key booster.max_depth"),
        ({"booster": {"learning_rate": 0.0}}, "key booster.learning_rate"),
        ({"booster": {"nthread": 4}}, "unknown field `nthread`"),
        ({"features": [{"name": "ema", "params": {"window": "20"}}]}, "key features"),
    ],
)
def test_refuses_what_does_not_fit(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=r"train\.toml") as refusal:
        load(tmp_path, **changes)

    assert reason in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_a_date_as_end_means_the_whole_day_and_times_without_zone_are_utc(tmp_path: Path) -> None:
    config = load(tmp_path, start="2020-01-01T02:00:00+02:00", end="2020-01-01")

    assert config.start_ns == 1_577_836_800 * 10**9
    assert config.end_ns == config.start_ns + 86_400 * 10**9
    assert load(tmp_path, end="2020-01-01T01:30:00").end_ns == config.start_ns + 5_400 * 10**9


def test_the_embargo_is_counted_in_bars(tmp_path: Path) -> None:
    assert load(tmp_path, bar="30-MINUTE", embargo_bars=4).embargo_ns == 7_200 * 10**9


class Stored:
    """A data set of the catalog, as far as its certificate goes."""

    def __init__(self, dataset: str, *because: str) -> None:
        self.dataset = dataset
        self.certified = not because
        self.uncertified_because = because


def test_uncertified_bars_are_refused_unless_allowed_and_then_named() -> None:
    stored = [
        Stored("A.TEST/bars/1-HOUR", "12 gaps"),
        Stored("B.TEST/bars/1-HOUR"),
        Stored("A.TEST/bars/1-DAY", "not read"),
    ]

    with pytest.raises(PreconditionError, match=r"A\.TEST/bars/1-HOUR is not certified: 12 gaps"):
        refuse_uncertified(stored, small_config())
    assert refuse_uncertified(stored, small_config(allow_uncertified=True)) == (
        "A.TEST/bars/1-HOUR is not certified: 12 gaps",
    )
    assert refuse_uncertified(stored[1:], small_config()) == ()
