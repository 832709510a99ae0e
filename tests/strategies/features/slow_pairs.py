"""Features of two instruments once more, in plain Python from their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from slow_reference import NAN, Column, _mean, _over
from slow_statistics import correlation

type Reduce = Callable[[Sequence[float], Sequence[float]], float]


def pair_correlation(closes: Column, others: Column, window: int) -> list[Column]:
    logs = [[NAN, *(math.log(after / before) for before, after in pairwise(each))] for each in (closes, others)]
    return [_over_window(closes, others, window, correlation), _over_window(*logs, window, correlation)]


def pair_beta(closes: Column, others: Column, window: int) -> list[Column]:
    own, other = ([NAN, *(after / before - 1 for before, after in pairwise(each))] for each in (closes, others))
    up = _over_window(own, other, window, lambda a, b: _beta(*_where(a, b, 1)))
    down = _over_window(own, other, window, lambda a, b: _beta(*_where(a, b, -1)))
    return [
        _over_window(own, other, window, _beta),
        up,
        down,
        [_over(a, b, 0.0) for a, b in zip(up, down, strict=True)],
        [(a - b) ** 2 for a, b in zip(up, down, strict=True)],
    ]


def relative_strength(closes: Column, others: Column, window: int) -> list[Column]:
    ratio = [close / other for close, other in zip(closes, others, strict=True)]
    lead = [NAN] * len(closes)
    for row in range(window, len(closes)):
        lead[row] = closes[row] / closes[row - window] - others[row] / others[row - window]
    return [ratio, lead]


def _where(own: Sequence[float], other: Sequence[float], sign: int) -> tuple[list[float], list[float]]:
    rows = [(a, b) for a, b in zip(own, other, strict=True) if sign * b > 0]
    return [a for a, _ in rows], [b for _, b in rows]


def _beta(own: Sequence[float], other: Sequence[float]) -> float:
    if not other:
        return 0.0
    shared = math.fsum((a - _mean(own)) * (b - _mean(other)) for a, b in zip(own, other, strict=True))
    return _over(shared, math.fsum((b - _mean(other)) ** 2 for b in other), 0.0)


def _over_window(
    left: Column, right: Column, window: int, reduce: Callable[[Sequence[float], Sequence[float]], float]
) -> Column:
    column = [NAN] * len(left)
    for row in range(window - 1, len(left)):
        part = left[row - window + 1 : row + 1]
        if not any(value != value for value in part):
            column[row] = reduce(part, right[row - window + 1 : row + 1])
    return column
