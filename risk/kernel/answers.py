"""What the kernel's parts hand to one another: an answer, and what an order adds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numba as nb

type Answer = tuple[int, float, float]
"""A code (a place in `layout.CODES`), what was measured, and the limit; NaN where a number has no meaning."""

PASSED = (-1, math.nan, math.nan)
"""No answer: the next check is asked."""


class Adds(NamedTuple):
    """What an order adds, priced: the figures of `risk.growth.Growth`."""

    mark: float
    equity: float
    quantity: float
    entry: float
    notional: float
    held: float
    committed: float
    margin_used: float
    book_notional: float
    book_margin: float


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """
    Compile with C's division: by 0 it gives infinity or NaN.

    Nothing is kept on disk. A cache there notices a change of the file it belongs to, but not of the arithmetic that
    is compiled into it from another.
    """
    return nb.njit(error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]  # numba ships no types
