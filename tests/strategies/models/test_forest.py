"""The compiled forest gives XGBoost's own margins, and refuses what it cannot run."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import PreconditionError
from strategies.models.forest import PERFECT_DEPTH_MAX, Forest
from tests.strategies.models.forests import booster, noisy_rows, small_model, ubjson

TOLERANCE = 1e-6


def margins_of_xgboost(model: xgb.Booster, rows: np.ndarray, **options: Any) -> np.ndarray:
    return model.predict(xgb.DMatrix(rows), output_margin=True, **options).astype(np.float64)


def assert_equal_margins(raw: bytes, expected: np.ndarray, rows: np.ndarray) -> None:
    forest = Forest.from_ubjson(raw)
    found = forest.margins(rows)

    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert [forest.margin(row) for row in rows[:50]] == found[:50].tolist()


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(1, 12),
    depth=st.integers(1, PERFECT_DEPTH_MAX + 2),
    rounds=st.integers(1, 23),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    gamma=st.sampled_from([0.0, 2.0]),
    seed=st.integers(0, 10_000),
)
def test_margins_equal_xgboost(width: int, depth: int, rounds: int, missing: float, gamma: float, seed: int) -> None:
    rows, rises = noisy_rows(300, width, seed=seed, missing=missing)
    model = booster(rows, rises, rounds, max_depth=depth, gamma=gamma, eta=0.7, min_child_weight=0)
    ugly = noisy_rows(200, width, seed=seed + 1, missing=0.5)[0] * 3.0
    ugly[0] = np.nan
    ugly[1] = 0.0
    ugly[2] = 1e300  # beyond float32: infinite there, as in XGBoost

    assert_equal_margins(ubjson(model), margins_of_xgboost(model, ugly[3:]), ugly[3:])
    assert_equal_margins(ubjson(model), margins_of_xgboost(model, ugly[:2]), ugly[:2])
    with np.errstate(over="ignore"):
        inplace = model.inplace_predict(ugly, predict_type="margin").astype(np.float64)
    assert_equal_margins(ubjson(model), inplace, ugly)


@pytest.mark.parametrize(
    ("rounds", "parameters"),
    [
        (300, {"max_depth": 5, "eta": 0.05}),
        (50, {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 64}),
        (40, {"max_depth": 3, "grow_policy": "lossguide"}),
        (5, {"max_depth": 12, "tree_method": "exact"}),
        (6, {"max_depth": 3, "gamma": 1e9}),
        (5, {"max_depth": 4, "num_parallel_tree": 3, "subsample": 0.5}),
        (5, {"max_depth": 4, "base_score": 0.02}),
        (5, {"max_depth": 4, "scale_pos_weight": 3.0}),
    ],
    ids=["many", "deep lossguide", "shallow lossguide", "exact", "only roots", "parallel", "base score", "weighted"],
)
def test_margins_equal_xgboost_for_every_way_to_grow_a_tree(rounds: int, parameters: dict[str, Any]) -> None:
    rows, rises = noisy_rows(1_500, 16, seed=5)
    model = booster(rows, rises, rounds, **parameters)

    assert_equal_margins(ubjson(model), margins_of_xgboost(model, rows), rows)


def test_a_value_on_the_threshold_goes_right_as_in_xgboost() -> None:
    rows, rises = noisy_rows(400, 2, seed=3, missing=0.0)
    model = booster(rows, rises, 3, max_depth=3, tree_method="exact")
    tables = json.loads(bytes(model.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]
    thresholds = np.array([value for tree in tables for value in tree["split_conditions"]], np.float32).astype(
        np.float64
    )
    rows = np.array(np.meshgrid(thresholds, thresholds)).reshape(2, -1).T

    assert_equal_margins(ubjson(model), margins_of_xgboost(model, rows), rows)
    below = np.nextafter(rows.astype(np.float32), np.float32(-np.inf)).astype(np.float64)
    assert_equal_margins(ubjson(model), margins_of_xgboost(model, below), below)


def test_early_stopping_counts_the_trees_up_to_the_best() -> None:
    rows, rises = noisy_rows(400, 3, seed=1)
    table = xgb.DMatrix(rows[:200], label=rises[:200])
    judge = xgb.DMatrix(rows[200:], label=rises[200:])
    parameters = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1}
    model = xgb.train(parameters, table, 100, evals=[(judge, "v")], early_stopping_rounds=5, verbose_eval=False)
    best = model.best_iteration
    assert best + 1 < model.num_boosted_rounds()

    assert Forest.from_ubjson(ubjson(model)).tree_count == best + 1
    assert_equal_margins(ubjson(model), margins_of_xgboost(model, rows, iteration_range=(0, best + 1)), rows)


def test_probability_is_the_logistic_of_the_margin_even_where_exp_would_overflow() -> None:
    rows, rises = noisy_rows(400, 3, seed=1)
    model = booster(rows, rises, 30, max_depth=4)
    forest = Forest.from_ubjson(ubjson(model))
    expected = model.predict(xgb.DMatrix(rows))

    assert [forest.probability(row) for row in rows] == pytest.approx(expected.tolist(), rel=1e-5)
    for target, probability in ((1e4, 1.0), (-1e4, 0.0)):
        extreme = edited(small_model(), lambda learner, to=target: set_leaves(learner, to))
        assert Forest.from_ubjson(extreme).probability(np.zeros(3)) == pytest.approx(probability)


def test_reports_what_it_holds() -> None:
    rows, rises = noisy_rows(300, 3, seed=1)
    table = xgb.DMatrix(rows, label=rises, feature_names=["a", "b_2", "macd_12.signal"])
    model = xgb.train({"objective": "binary:logistic", "max_depth": 2, "base_score": 0.25}, table, 7)
    forest = Forest.from_ubjson(ubjson(model))

    assert forest.feature_count == 3
    assert forest.feature_names == ("a", "b_2", "macd_12.signal")
    assert (forest.tree_count, forest.depth) == (7, 2)
    assert forest.base_margin == pytest.approx(math.log(0.25 / 0.75), rel=1e-6)


@pytest.mark.parametrize("shape", [(2,), (4,), (1, 3), ()])
def test_refuses_a_row_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must have shape \(3,\)"):
        Forest.from_ubjson(small_model()).margin(np.zeros(shape))


def test_refuses_rows_of_another_width() -> None:
    with pytest.raises(ValueError, match=r"\(n, 3\), was \(5, 2\)"):
        Forest.from_ubjson(small_model()).margins(np.zeros((5, 2)))


def test_batch_takes_rows_that_are_not_contiguous_and_none_at_all() -> None:
    forest = Forest.from_ubjson(small_model())
    rows = noisy_rows(20, 6, seed=2)[0]

    assert forest.margins(rows[:, ::2]).tolist() == forest.margins(rows[:, ::2].copy()).tolist()
    assert forest.margins(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"objective": "reg:squarederror"}, "objective must be 'binary:logistic', was 'reg:squarederror'"),
        ({"objective": "binary:logitraw"}, "was 'binary:logitraw'"),
        ({"objective": "multi:softprob", "num_class": 3}, "was 'multi:softprob'"),
        ({"rate_drop": 0.5}, "model holds weight_drop, whose meaning is not known here"),
        ({"booster": "gblinear", "tree_method": None}, "booster must be 'gbtree', was 'gblinear'"),
    ],
)
def test_refuses_models_it_cannot_run(parameters: dict[str, Any], reason: str) -> None:
    rows, rises = noisy_rows(100, 3, seed=1)
    defaults = {key: value for key, value in parameters.items() if value is not None}
    model = xgb.train({"objective": "binary:logistic"} | defaults, xgb.DMatrix(rows, label=rises), 3)

    with pytest.raises(PreconditionError, match=reason):
        Forest.from_ubjson(ubjson(model))


def test_refuses_splits_on_categories() -> None:
    random = np.random.default_rng(0)
    rows = random.integers(0, 6, size=(400, 2)).astype(np.float64)
    rises = np.isin(rows[:, 0], [1, 4]).astype(np.float64)
    table = xgb.DMatrix(rows, label=rises, feature_types=["c", "q"], enable_categorical=True)
    model = xgb.train({"objective": "binary:logistic", "tree_method": "hist"}, table, 3)

    with pytest.raises(PreconditionError, match="splits on categories"):
        Forest.from_ubjson(ubjson(model))


def test_refuses_several_targets() -> None:
    rows, rises = noisy_rows(100, 3, seed=1)
    table = xgb.DMatrix(rows, label=np.stack([rises, 1 - rises], axis=1))
    model = xgb.train({"objective": "binary:logistic", "tree_method": "hist"}, table, 3)

    with pytest.raises(PreconditionError, match="several classes or targets"):
        Forest.from_ubjson(ubjson(model))


def test_refuses_a_model_without_trees() -> None:
    rows, rises = noisy_rows(100, 3, seed=1)

    with pytest.raises(PreconditionError, match="holds no tree"):
        Forest.from_ubjson(ubjson(booster(rows, rises, 0)))


def set_leaves(learner: dict[str, Any], value: float) -> None:
    for tree in learner["gradient_booster"]["model"]["trees"]:
        for node, left in enumerate(tree["left_children"]):
            if left == -1:
                tree["split_conditions"][node] = value


def tree_edit(key: str, node: int, value: Any) -> Any:
    def edit(learner: dict[str, Any]) -> None:
        learner["gradient_booster"]["model"]["trees"][1][key][node] = value

    return edit


def edited(raw: bytes, edit: Any) -> bytes:
    """Return the model with a change that XGBoost itself would not write."""
    from strategies.models.ubjson import parse

    document = parse(raw)
    edit(document["learner"])
    return encoded(document)


def encoded(value: Any) -> bytes:
    """Write UBJSON, so that a test can say what a hostile file says."""
    length = lambda size: b"L" + size.to_bytes(8, "big", signed=True)  # noqa: E731
    if isinstance(value, dict):
        fields = b"".join(length(len(key.encode())) + key.encode() + encoded(item) for key, item in value.items())
        return b"{" + fields + b"}"
    if isinstance(value, str):
        return b"S" + length(len(value.encode())) + value.encode()
    if isinstance(value, np.ndarray):
        kind = {"f4": b"d", "u1": b"U", "i4": b"l", "i8": b"L", "i1": b"i", "i2": b"I", "f8": b"D"}[value.dtype.str[1:]]
        return b"[$" + kind + b"#" + length(len(value)) + value.astype(value.dtype.newbyteorder(">")).tobytes()
    if isinstance(value, list):
        return b"[#" + length(len(value)) + b"".join(encoded(item) for item in value)
    if isinstance(value, bool) or value is None:
        return {True: b"T", False: b"F", None: b"Z"}[value]
    if isinstance(value, int):
        return length(value)
    return b"D" + np.array(value, ">f8").tobytes()


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (tree_edit("left_children", 0, 10_000), "a child lies outside"),
        (tree_edit("left_children", 0, -7), "a child lies outside"),
        (tree_edit("left_children", 0, -1), "only one child"),
        (tree_edit("right_children", 0, 1), "reached twice"),
        (tree_edit("left_children", 1, 0), "a child lies outside"),
        (tree_edit("split_indices", 0, 3), "a feature outside 0 to 2"),
        (tree_edit("split_indices", 0, 2**31 - 1), "a feature outside 0 to 2"),
        (tree_edit("split_conditions", 0, np.nan), "not finite"),
        (tree_edit("split_conditions", 0, -np.inf), "not finite"),
        (lambda learner: learner["attributes"].update(best_iteration="4"), "best_iteration must be 0 to 3, was 4"),
        (lambda learner: learner["attributes"].update(best_iteration="-1"), "best_iteration must be 0 to 3"),
        (lambda learner: learner["learner_model_param"].update(base_score="[1E0]"), "between 0 and 1"),
        (lambda learner: learner["learner_model_param"].update(base_score="[nan]"), "between 0 and 1"),
        (lambda learner: learner["learner_model_param"].update(base_score="[5E-1,5E-1]"), "must be one probability"),
        (lambda learner: learner["learner_model_param"].update(base_score="x"), "must be a number"),
        (lambda learner: learner["learner_model_param"].update(num_feature="99999999"), "number of features must be"),
        (lambda learner: learner.pop("objective"), "key 'objective' is missing"),
    ],
)
def test_refuses_a_damaged_model_and_says_where(edit: Any, reason: str) -> None:
    with pytest.raises(PreconditionError, match=reason):
        Forest.from_ubjson(edited(small_model(), edit))


def test_the_encoder_of_these_tests_changes_nothing_by_itself() -> None:
    raw = small_model()
    rows = noisy_rows(50, 3, seed=9)[0]

    assert Forest.from_ubjson(edited(raw, lambda learner: None)).margins(rows).tolist() == (
        Forest.from_ubjson(raw).margins(rows).tolist()
    )


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_is_refused_or_harmless_and_never_crashes(data: st.DataObject) -> None:
    raw = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        forest = Forest.from_ubjson(bytes(raw))
    except PreconditionError:
        return
    assert isinstance(forest.margin(np.zeros(forest.feature_count)), float)


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 5_000))
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises(PreconditionError):
        Forest.from_ubjson(SMALL[: min(cut, len(SMALL) - 1)])


SMALL = small_model()
