"""A feature set: its columns, its fingerprint, what it refuses, and one definition for batch and stream."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from generated_bars import same_bits, walk

import settings
from catalog.model import BarColumns
from errors import ConfigError
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from strategies.features.registry import features
from strategies.features.spec import FeatureFile, FeatureSpec


def rows_of(bars: BarColumns) -> list[tuple[float, ...]]:
    return list(zip(*(column.tolist() for column in bars), strict=True))


def test_the_default_set_has_twenty_different_features() -> None:
    names = {spec.name for spec in DEFAULT_SPECS}

    assert len(names) == len(DEFAULT_SPECS) == 20
    assert names <= set(features())


def test_columns_are_named_by_feature_parameters_and_output() -> None:
    specs = [
        FeatureSpec("ema", {"window": 50}),
        FeatureSpec("macd"),
        FeatureSpec("obv"),
        FeatureSpec("keltner", label="k"),
    ]

    assert FeatureSet(specs).names == (
        "ema_50",
        "macd_12_26_9.macd",
        "macd_12_26_9.signal",
        "macd_12_26_9.histogram",
        "obv",
        "k.upper",
        "k.middle",
        "k.lower",
    )


def test_warmup_bars_is_the_first_complete_row() -> None:
    feature_set = FeatureSet([spec for spec in DEFAULT_SPECS if spec.name != "vwap"])

    complete = np.isfinite(feature_set.batch(walk(200))).all(axis=1)

    assert not complete[: feature_set.warmup_bars - 1].any()
    assert complete[feature_set.warmup_bars - 1 :].all()


def test_stream_equals_batch_bit_for_bit_for_the_whole_set() -> None:
    bars = walk(2_000)
    feature_set = FeatureSet(DEFAULT_SPECS)
    stream = feature_set.stream()

    streamed = np.array([stream.step(*row).copy() for row in rows_of(bars)])

    assert same_bits(streamed, feature_set.batch(bars))


def test_a_feature_is_the_same_alone_and_in_any_company() -> None:
    bars = walk(500)
    together = FeatureSet(DEFAULT_SPECS)
    values = together.batch(bars)
    for spec in DEFAULT_SPECS:
        alone = FeatureSet([spec])
        columns = [together.column(name) for name in alone.names]
        assert same_bits(np.ascontiguousarray(values[:, columns]), alone.batch(bars))


def test_two_streams_of_one_set_do_not_disturb_each_other() -> None:
    feature_set = FeatureSet([FeatureSpec("ema", {"window": 3})])
    first, second = feature_set.stream(), feature_set.stream()
    one, other = walk(50, seed=1), walk(50, seed=2)

    for row, other_row in zip(rows_of(one), rows_of(other), strict=True):
        first.step(*row)
        second.step(*other_row)

    assert first.values[0] == feature_set.batch(one)[-1, 0]
    assert second.values[0] == feature_set.batch(other)[-1, 0]


def test_step_returns_its_one_buffer_and_takes_whole_numbers_and_numpy_scalars() -> None:
    stream = FeatureSet([FeatureSpec("sma", {"window": 2})]).stream()

    first = stream.step(1, 10, 10, 10, 10, 0)
    second = stream.step(np.int64(2), np.float64(20.0), np.float32(20.0), 20, np.int64(20), np.float64(1.0))

    assert first is second is stream.values
    assert second[0] == 15.0


def test_step_allocates_nothing_in_python_either() -> None:
    stream = FeatureSet(DEFAULT_SPECS).stream()
    rows = rows_of(walk(3_000))
    for row in rows:
        stream.step(*row)
    tracemalloc.start()
    try:
        blocks = sys.getallocatedblocks()
        for row in rows:
            stream.step(*row)
        kept = sys.getallocatedblocks() - blocks
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert kept <= 10
    assert peak < 4_096


def test_a_new_parameter_compiles_nothing() -> None:
    from strategies.features.compiling import _compiled

    bars = walk(60)
    FeatureSet([FeatureSpec("bollinger")]).batch(bars)
    compiled = _compiled.cache_info().currsize

    for window in range(2, 40):
        FeatureSet([FeatureSpec("bollinger", {"window": window, "deviations": window / 4})]).batch(bars)

    assert _compiled.cache_info().currsize == compiled


def test_batch_takes_no_bars_strided_columns_and_columns_that_are_read_only() -> None:
    bars = walk(101)
    feature_set = FeatureSet(DEFAULT_SPECS)
    strided = BarColumns(*(column[::2] for column in bars))
    plain = BarColumns(*(column[::2].copy() for column in bars))
    for column in plain:
        column.flags.writeable = False

    assert feature_set.batch(bars.slice(0, 0)).shape == (0, len(feature_set.names))
    assert same_bits(feature_set.batch(strided), feature_set.batch(plain))


def test_columns_of_different_length_are_refused() -> None:
    bars = walk(10)
    with pytest.raises(ValueError, match="equally long"):
        FeatureSet(DEFAULT_SPECS).batch(BarColumns(*bars[:5], bars.volume[:-1]))


def test_the_layout_hash_changes_with_order_parameters_label_and_features() -> None:
    base = [FeatureSpec("ema", {"window": 20}), FeatureSpec("rsi")]
    variants = [
        base,
        base[::-1],
        [FeatureSpec("ema", {"window": 21}), FeatureSpec("rsi")],
        [FeatureSpec("ema", {"window": 20}, label="trend"), FeatureSpec("rsi")],
        [FeatureSpec("sma", {"window": 20}, label="ema_20"), FeatureSpec("rsi")],
        base[:1],
    ]

    assert len({FeatureSet(specs).layout_hash for specs in variants}) == len(variants)
    # a default written out is still the default
    assert FeatureSet([FeatureSpec("ema"), FeatureSpec("rsi")]).layout_hash == FeatureSet(base).layout_hash


def test_the_layout_hash_is_the_same_in_every_process() -> None:
    # fails when what a stored model was trained on is no longer what its hash says: raise LAYOUT_VERSION deliberately
    layout = FeatureSet([FeatureSpec("ema"), FeatureSpec("ewma_volatility")]).layout_hash
    assert layout == "29cef4c2fe370cb4760feba95dca68791517182caa975c4037c1f999944efa8f"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (FeatureSpec("emaa"), r"feature 'emaa' is unknown; did you mean 'ema'\? known are sma, ema"),
        (FeatureSpec("ema", {"windw": 3}), r"ema has no parameter 'windw'; did you mean 'window'\? known are window"),
        (FeatureSpec("obv", {"window": 3}), r"obv has no parameter 'window'; it has none"),
        (FeatureSpec("ema", {"window": 0}), "window of ema must be from 1 to 5000, was 0"),
        (FeatureSpec("ema", {"window": 5001}), "window of ema must be from 1 to 5000, was 5001"),
        (FeatureSpec("ema", {"window": 2.5}), "window of ema must be a whole number, was 2.5"),
        (FeatureSpec("ewma_volatility", {"decay": 1}), "decay of ewma_volatility must be from 0.5 to 0.999, was 1"),
        (FeatureSpec("macd", {"fast": 26}), "feature macd: fast must be below slow, were 26 and 26"),
    ],
)
def test_a_bad_specification_is_refused_saying_what_was_expected(spec: FeatureSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FeatureSet([spec])


def test_no_feature_and_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one feature"):
        FeatureSet([])
    with pytest.raises(ConfigError, match="two columns are named ema_20; give one of the features a label"):
        FeatureSet([FeatureSpec("ema"), FeatureSpec("ema", {"window": 20})])


def test_an_unknown_column_is_refused_naming_those_there_are() -> None:
    with pytest.raises(ConfigError, match="no feature column 'ema_21'; there are ema_20"):
        FeatureSet([FeatureSpec("ema")]).column("ema_21")


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), "20"])
def test_a_parameter_that_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="parameter window of ema must be a finite number"):
        FeatureSpec("ema", {"window": value})


@pytest.mark.parametrize("label", ["", "a.b", "2fast", "a b", "a/b"])
def test_a_label_that_is_no_plain_word_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="a label is a letter"):
        FeatureSpec("ema", label=label)


def test_a_file_of_specifications_is_read_and_an_unknown_key_in_it_refused(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text(
        '[[feature]]\nname = "ema"\nparams = { window = 50 }\n[[feature]]\nname = "rsi"\nlabel = "strength"\n'
    )
    assert FeatureSet(settings.load(path, FeatureFile).feature).names == ("ema_50", "strength")

    path.write_text('[[feature]]\nname = "ema"\nwindow = 50\n')
    with pytest.raises(ConfigError, match=r"features\.toml, key feature\[0\]: .*unknown field `window`"):
        settings.load(path, FeatureFile)
