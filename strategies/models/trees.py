"""Turn the document of a saved XGBoost model into checked trees, and refuse every model this platform cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from errors import PreconditionError

type F32 = npt.NDArray[np.float32]
type I64 = npt.NDArray[np.int64]

VERSIONS = (2, 3)
"""Major versions of XGBoost whose files are known to mean what is read here."""
FEATURES_MAX = 32_767
NODES_MAX = 20_000_000
NO_CHILD = -1

# A key that is not known here may change what a model says, as `weight_drop` of dropout does, so it is refused.
_PARAM_KEYS = frozenset({"base_score", "boost_from_average", "num_class", "num_feature", "num_target"})
_BOOSTER_KEYS = frozenset({"name", "model"})
_MODEL_KEYS = frozenset({"cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees"})
_TREE_KEYS = frozenset(
    {
        "base_weights",
        "categories",
        "categories_nodes",
        "categories_segments",
        "categories_sizes",
        "default_left",
        "id",
        "left_children",
        "loss_changes",
        "parents",
        "right_children",
        "split_conditions",
        "split_indices",
        "split_type",
        "sum_hessian",
        "tree_param",
    }
)


class Tree(NamedTuple):
    """
    One tree as XGBoost numbers it: node 0 is the root, `left[i] == NO_CHILD` marks a leaf.

    `condition` is the threshold of a split (left where ``value < condition``) or the value of a leaf, both float32.
    Every child index is inside the tree and no node is reached twice; `depth` counts splits to the deepest leaf.
    """

    left: I64
    right: I64
    feature: I64
    condition: F32
    default_left: npt.NDArray[np.bool_]
    depth: int


class TreeModel(NamedTuple):
    """The trees that count, in order, with what is added before the first."""

    trees: tuple[Tree, ...]
    base_margin: np.float32
    feature_count: int
    feature_names: tuple[str, ...]


def read_model(document: Any) -> TreeModel:
    """
    Check a decoded model and keep what inference needs.

    Parameters
    ----------
    document : object
        What `strategies.models.ubjson.parse` gave.

    Returns
    -------
    TreeModel
        Trees up to and including `best_iteration` where training was stopped early, else all.

    Raises
    ------
    PreconditionError
        If anything is missing, out of bounds or not finite; if the model is not a gradient-boosted binary logistic
        forest with numeric splits and one output; if its version is not one of `VERSIONS`.

    """
    version = _at(document, "version")
    major = int(version[0]) if len(version) and isinstance(version[0], int | np.integer) else version
    if major not in VERSIONS:
        raise _refusal(f"XGBoost version must be one of {VERSIONS}, was {major}")
    learner = _at(document, "learner")
    param = _at(learner, "learner_model_param")
    _require(_at(_at(learner, "objective"), "name"), "binary:logistic", "objective")
    booster = _at(learner, "gradient_booster")
    _require(_at(booster, "name"), "gbtree", "booster")
    _known(param, _PARAM_KEYS, "learner_model_param")
    _known(booster, _BOOSTER_KEYS, "gradient_booster")
    if _number(param, "num_class") > 1 or (_number(param, "num_target") if "num_target" in param else 1) != 1:
        raise _refusal("a model has one output here; this one has several classes or targets")
    feature_count = _number(param, "num_feature")
    if not 0 < feature_count <= FEATURES_MAX:
        raise _refusal(f"the number of features must be 1 to {FEATURES_MAX}, was {feature_count}")
    names = _at(learner, "feature_names") if "feature_names" in learner else []
    if len(names) not in {0, feature_count} or not all(isinstance(name, str) for name in names):
        raise _refusal(f"{feature_count} features but {len(names)} feature names")

    model = _at(booster, "model")
    _known(model, _MODEL_KEYS, "model")
    documents = _at(model, "trees")
    if not isinstance(documents, list):
        raise _refusal("trees must be a list")
    if not documents:  # XGBoost does not convert the base score of such a model, so there is no margin to agree on
        raise _refusal("it holds no tree")
    if any(_at(model, "tree_info")):
        raise _refusal("a model has one output here; these trees vote for several")
    kept = documents[: _trees_kept(learner, model, len(documents))]
    return TreeModel(
        trees=tuple(_read_tree(tree, index, feature_count) for index, tree in enumerate(kept)),
        base_margin=_base_margin(_at(param, "base_score")),
        feature_count=feature_count,
        feature_names=tuple(names),
    )


def _trees_kept(learner: Mapping[str, Any], model: Mapping[str, Any], count: int) -> int:
    rounds = _integers(model, "iteration_indptr", None) if "iteration_indptr" in model else np.arange(count + 1)
    if not len(rounds) or rounds[0] != 0 or rounds[-1] != count or np.any(np.diff(rounds) < 0):
        raise _refusal(f"the rounds of boosting do not add up to {count} trees")
    attributes = _at(learner, "attributes") if "attributes" in learner else {}
    if "best_iteration" not in attributes:
        return count
    best = _number(attributes, "best_iteration")
    if not 0 <= best < len(rounds) - 1:
        raise _refusal(f"best_iteration must be 0 to {len(rounds) - 2}, was {best}")
    return int(rounds[best + 1])


def _read_tree(tree: Any, index: int, feature_count: int) -> Tree:
    where = f"tree {index}: "
    _known(tree, _TREE_KEYS, f"tree {index}")
    left = _integers(tree, "left_children", None, where)
    count = len(left)
    if not 0 < count <= NODES_MAX:
        raise _refusal(f"{where}needs 1 to {NODES_MAX} nodes, has {count}")
    right = _integers(tree, "right_children", count, where)
    feature = _integers(tree, "split_indices", count, where)
    default_left = _integers(tree, "default_left", count, where).astype(np.bool_)
    condition = _floats(tree, "split_conditions", count, where)
    if len(_at(tree, "categories", where)) or np.any(_integers(tree, "split_type", count, where)):
        raise _refusal(f"{where}splits on categories; only numeric splits are run here")

    depth = _depth(left, right, where)
    splits = left != NO_CHILD
    if np.any((feature[splits] < 0) | (feature[splits] >= feature_count)):
        raise _refusal(f"{where}splits on a feature outside 0 to {feature_count - 1}")
    if not np.all(np.isfinite(condition)):
        raise _refusal(f"{where}holds a threshold or leaf that is not finite")
    return Tree(left, right, feature, condition, default_left, depth)


def _depth(left: I64, right: I64, where: str) -> int:
    """Walk the tree once, level by level; refuse children outside it, and nodes that are reached twice."""
    seen = np.zeros(len(left), np.bool_)
    level = np.zeros(1, np.int64)
    seen[0] = True
    depth = 0
    while True:
        lefts, rights = left[level], right[level]
        if np.any((lefts == NO_CHILD) != (rights == NO_CHILD)):
            raise _refusal(f"{where}a node has only one child")
        children = np.concatenate([lefts[lefts != NO_CHILD], rights[rights != NO_CHILD]])
        if not len(children):
            return depth
        if np.any((children <= 0) | (children >= len(left))):
            raise _refusal(f"{where}a child lies outside its {len(left)} nodes")
        if np.any(seen[children]) or len(np.unique(children)) != len(children):
            raise _refusal(f"{where}a node is reached twice")
        seen[children] = True
        level = children
        depth += 1


def _base_margin(text: Any) -> np.float32:
    """Turn `base_score`, a probability (since XGBoost 3.1 a list of one), into log odds, in float32 as XGBoost does."""
    try:
        values = [np.float32(part) for part in text.strip().removeprefix("[").removesuffix("]").split(",")]
    except (AttributeError, ValueError):
        raise _refusal(f"base_score must be a number, was {text!r}") from None
    if len(values) != 1 or not 0 < values[0] < 1:
        raise _refusal(f"base_score must be one probability between 0 and 1, was {text!r}")
    one = np.float32(1)
    return np.float32(-np.log(one / values[0] - one))


def _at(document: Any, key: str, where: str = "") -> Any:
    if not isinstance(document, dict) or key not in document:
        raise _refusal(f"{where}the key {key!r} is missing")
    value = document[key]
    if value is None or isinstance(value, bool | int | float):
        raise _refusal(f"{where}the key {key!r} holds {value!r}, where text or a container was expected")
    return value


def _number(document: Any, key: str) -> int:
    text = _at(document, key)
    try:
        return int(text)
    except (TypeError, ValueError):
        raise _refusal(f"{key} must be a whole number, was {text!r}") from None


def _known(document: Any, keys: frozenset[str], what: str) -> None:
    if not isinstance(document, dict):
        raise _refusal(f"{what} must be an object")
    unknown = sorted(document.keys() - keys)
    if unknown:
        raise _refusal(f"{what} holds {', '.join(unknown)}, whose meaning is not known here")


def _require(found: Any, expected: str, what: str) -> None:
    if not isinstance(found, str) or found != expected:
        raise _refusal(f"{what} must be {expected!r}, was {found!r}")


def _integers(document: Any, key: str, count: int | None, where: str = "") -> I64:
    values = _array(document, key, count, where)
    if values.size and values.dtype.kind not in "iub":
        raise _refusal(f"{where}{key} must hold whole numbers")
    return values.astype(np.int64)


def _floats(document: Any, key: str, count: int, where: str) -> F32:
    values = _array(document, key, count, where)
    if values.dtype != np.float32:
        raise _refusal(f"{where}{key} must hold float32 numbers")
    return values


def _array(document: Any, key: str, count: int | None, where: str) -> npt.NDArray[Any]:
    value = _at(document, key, where)
    try:
        values = np.asarray(value)
    except ValueError:
        raise _refusal(f"{where}{key} must be an array of numbers") from None
    if values.ndim != 1 or (count is not None and len(values) != count):
        raise _refusal(f"{where}{key} must have {count} values, has shape {values.shape}")
    return values


def _refusal(reason: str) -> PreconditionError:
    return PreconditionError(f"cannot run this model: {reason}")
