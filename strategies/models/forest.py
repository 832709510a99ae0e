"""
Evaluate a gradient-boosted forest compiled to flat arrays, one row in a few microseconds, bit for bit as XGBoost does.

The file that training wrote is the file that is read: XGBoost's own UBJSON, decoded by `strategies.models.ubjson`. A
second format, converted at training time, would be a second thing to keep true; and importing XGBoost to read it would
cost inference a second of start-up, a hundred megabytes and a foreign parser in front of untrusted bytes.

Trees of at most `PERFECT_DEPTH_MAX` levels are filled up to perfect trees, so that the next node is arithmetic
(``2 * i + went_right``), and four are walked at a time, so that their memory reads overlap. Deeper trees, which
loss-guided growth makes, would need too much memory for that and follow child indices instead.

A missing value needs no test in the walk: each row is laid out twice, once with minus infinity for NaN and once with
plus infinity, and a split reads the copy that sends NaN its default way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numba as nb
import numpy as np
import numpy.typing as npt

from strategies.models.trees import F32, NO_CHILD, Tree, TreeModel, read_model
from strategies.models.ubjson import parse

type F64 = npt.NDArray[np.float64]
type U16 = npt.NDArray[np.uint16]
type U32 = npt.NDArray[np.uint32]

PERFECT_DEPTH_MAX = 8

_u = np.uint64


class Forest:
    """
    A binary classifier: sum of trees over one row of features, in log odds.

    Build it with `from_ubjson`. It is immutable and holds no buffer, so threads may share it.

    Attributes
    ----------
    feature_count : int
        Length a row must have.
    feature_names : tuple[str, ...]
        Names that were given in training, in the order of the row; empty where none were.
    base_margin : float
        Log odds before the first tree.
    tree_count, depth : int
        Trees that are summed, and splits on the longest path of any of them.

    """

    def __init__(self, model: TreeModel) -> None:
        self.feature_count = model.feature_count
        self.feature_names = model.feature_names
        self.base_margin = float(model.base_margin)
        self.tree_count = len(model.trees)
        self.depth = max((tree.depth for tree in model.trees), default=0)
        self._shape = (model.feature_count,)
        self._one: Callable[[F64], float]
        self._many: Callable[[F64], F64]
        arrays: tuple[Any, ...]
        if self.depth <= PERFECT_DEPTH_MAX:
            arrays = (*_perfect(model, self.depth), model.base_margin, self.depth)
            self._one, self._many = partial(_walk_perfect, *arrays), partial(_walk_perfect_rows, *arrays)
        else:
            arrays = (*_linked(model), model.base_margin)
            self._one, self._many = partial(_walk_linked, *arrays), partial(_walk_linked_rows, *arrays)
        self._one(np.zeros(self._shape))  # compile now, not on the first decision

    @classmethod
    def from_ubjson(cls, raw: bytes) -> Self:
        """
        Build a forest from a model as `xgboost.Booster.save_raw("ubj")` or `save_model("x.ubj")` wrote it.

        Where training stopped early, the trees up to the best iteration count, as in XGBoost's classifier.

        Raises
        ------
        PreconditionError
            If the bytes are damaged, or the model is not a binary logistic forest with numeric splits.

        """
        return cls(read_model(parse(raw)))

    def margin(self, row: F64) -> float:
        """
        Return the log odds of class 1 for one row.

        Parameters
        ----------
        row : float64[feature_count]
            Contiguous features. They are rounded to float32 first, as XGBoost does. NaN goes each split's default way.

        Raises
        ------
        ValueError
            If the row has another length.

        """
        if row.shape != self._shape:
            raise ValueError(f"a row must have shape {self._shape}, was {row.shape}")
        return self._one(row)

    def probability(self, row: F64) -> float:
        """Return the probability of class 1 for one row; see `margin`."""
        margin = self.margin(row)
        if margin >= 0.0:
            return 1.0 / (1.0 + math.exp(-margin))
        odds = math.exp(margin)
        return odds / (1.0 + odds)

    def margins(self, rows: F64) -> F64:
        """
        Return the log odds of class 1 for each row.

        Parameters
        ----------
        rows : float64[n, feature_count]
            See `margin`.

        Returns
        -------
        float64[n]
            Element i equals ``margin(rows[i])`` bit for bit.

        """
        if rows.ndim != 2 or rows.shape[1:] != self._shape:
            raise ValueError(f"rows must have shape (n, {self.feature_count}), was {rows.shape}")
        return self._many(np.ascontiguousarray(rows, dtype=np.float64))


def _perfect(model: TreeModel, depth: int) -> tuple[U16, F32, F32]:
    """Lay out every tree with ``2**depth`` leaves; below a shallow leaf, all leaves repeat its value."""
    splits = (1 << depth) - 1
    feature = np.zeros((len(model.trees), splits), np.uint16)
    threshold = np.zeros((len(model.trees), splits), np.float32)
    leaf = np.zeros((len(model.trees), splits + 1), np.float32)
    for index, tree in enumerate(model.trees):
        level = np.zeros(1, np.int64)
        for first in ((1 << below) - 1 for below in range(depth)):
            here = slice(first, first + len(level))
            feature[index, here] = _column(tree, level, model.feature_count)
            threshold[index, here] = tree.condition[level]
            left, right = tree.left[level], tree.right[level]
            ends = left == NO_CHILD
            level = np.stack([np.where(ends, level, left), np.where(ends, level, right)], axis=1).ravel()
        leaf[index] = tree.condition[level]
    return feature.ravel(), threshold.ravel(), leaf.ravel()


def _linked(model: TreeModel) -> tuple[U16, F32, U32, U32, U32]:
    """Join all trees into one table of nodes; a child index of 0 marks a leaf, since only a root stands first."""
    offsets = np.cumsum([0, *(len(tree.left) for tree in model.trees)])
    feature, left, right = [], [], []
    for tree, offset in zip(model.trees, offsets[:-1], strict=True):
        ends = tree.left == NO_CHILD
        feature.append(_column(tree, np.arange(len(tree.left)), model.feature_count).astype(np.uint16))
        left.append(np.where(ends, 0, tree.left + offset).astype(np.uint32))
        right.append(np.where(ends, 0, tree.right + offset).astype(np.uint32))
    condition = np.concatenate([tree.condition for tree in model.trees])
    return (
        np.concatenate(feature),
        condition,
        np.concatenate(left),
        np.concatenate(right),
        offsets[:-1].astype(np.uint32),
    )


def _column(tree: Tree, nodes: npt.NDArray[np.int64], feature_count: int) -> npt.NDArray[np.int64]:
    """Return where a split reads in the doubled row; a leaf, which reads nothing that matters, reads the start."""
    column = tree.feature[nodes] + np.where(tree.default_left[nodes], 0, feature_count)
    return np.where(tree.left[nodes] == NO_CHILD, 0, column)


def _compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function, and keep its machine code on disk where a folder for it can be written."""
    try:
        return nb.njit(cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's folder nor the user's cache folder is writable
        return nb.njit(function)  # type: ignore[no-any-return]


@_compiled
def _doubled(row: F64) -> F32:
    count = row.shape[0]
    values = np.empty(2 * count, np.float32)
    for i in range(count):
        value = np.float32(row[i])
        missing = value != value  # noqa: PLR0124  # true of NaN only
        values[i] = -np.inf if missing else value
        values[i + count] = np.inf if missing else value
    return values


@_compiled
def _walk_perfect(feature: U16, threshold: F32, leaf: F32, base: np.float32, depth: int, row: F64) -> float:
    # Unsigned indices spare the test for negative ones. Nodes count from 1, so a node's children are 2i and 2i + 1.
    # Leaves are added one by one, in float32 and in the order of the trees: the sum is XGBoost's to the last bit.
    values = _doubled(row)
    leaves = _u(1) << _u(depth)
    splits = leaves - _u(1)
    trees = _u(leaf.shape[0]) >> _u(depth)
    fours = trees >> _u(2)
    total = base
    n0 = _u(0) - _u(1)  # wraps on purpose: the first node of a tree is base + 1
    out = _u(0) - leaves
    for _four in range(fours):
        n1 = n0 + splits
        n2 = n1 + splits
        n3 = n2 + splits
        i0 = i1 = i2 = i3 = _u(1)
        for _level in range(depth):
            i0 = i0 + i0 + _u(not values[_u(feature[n0 + i0])] < threshold[n0 + i0])
            i1 = i1 + i1 + _u(not values[_u(feature[n1 + i1])] < threshold[n1 + i1])
            i2 = i2 + i2 + _u(not values[_u(feature[n2 + i2])] < threshold[n2 + i2])
            i3 = i3 + i3 + _u(not values[_u(feature[n3 + i3])] < threshold[n3 + i3])
        total += leaf[out + i0]
        total += leaf[out + leaves + i1]
        total += leaf[out + leaves + leaves + i2]
        total += leaf[out + leaves + leaves + leaves + i3]
        n0 = n3 + splits
        out += _u(4) * leaves
    for _rest in range(trees - _u(4) * fours):
        i0 = _u(1)
        for _level in range(depth):
            i0 = i0 + i0 + _u(not values[_u(feature[n0 + i0])] < threshold[n0 + i0])
        total += leaf[out + i0]
        n0 += splits
        out += leaves
    return total  # type: ignore[return-value]  # compiled code hands a float32 back as a float


@_compiled
def _walk_perfect_rows(feature: U16, threshold: F32, leaf: F32, base: np.float32, depth: int, rows: F64) -> F64:
    out = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        out[i] = _walk_perfect(feature, threshold, leaf, base, depth, rows[i])
    return out


@_compiled
def _walk_linked(feature: U16, condition: F32, left: U32, right: U32, roots: U32, base: np.float32, row: F64) -> float:
    values = _doubled(row)
    total = base
    for root in roots:
        node = root
        while left[node] != 0:
            node = left[node] if values[feature[node]] < condition[node] else right[node]
        total += condition[node]
    return total  # type: ignore[return-value]  # as above


@_compiled
def _walk_linked_rows(
    feature: U16, condition: F32, left: U32, right: U32, roots: U32, base: np.float32, rows: F64
) -> F64:
    out = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        out[i] = _walk_linked(feature, condition, left, right, roots, base, rows[i])
    return out
