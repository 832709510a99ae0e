"""The kernel contract: what a feature declares about itself, and the shape of its compiled step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
"""Places of a bar's fields in the float64[5] a kernel is given."""

BAR_FIELDS = 5
NAN = float("nan")

type Params = Mapping[str, int | float]


class Doubles(Protocol):
    """What a kernel reads and writes: a bare pointer to float64 when compiled, an array in plain Python."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...


type Kernel = Callable[[int, Doubles, Doubles, Doubles, Doubles], None]
"""
``kernel(ts_ns, bar, params, state, out)``: take one bar in, write one value an output.

Compiled to a C function over bare pointers, so it can neither allocate nor see another bar.

- ``ts_ns``: int64, the bar's close time.
- ``bar``: float64[5], open, high, low, close, volume. Always usable numbers: see `program`.
- ``params``: float64[p], in the order of `Feature.params`; read only.
- ``state``: float64[`Feature.state_size`], zeroed before the first bar, the kernel's own.
- ``out``: float64[o], in the order of `Feature.outputs`; every one is written on every call, NaN until warm.
"""


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a feature: its range (both ends allowed), its default and what it means."""

    name: str
    default: int | float
    low: int | float
    high: int | float
    meaning: str

    @property
    def integer(self) -> bool:
        """Whether only whole numbers make sense."""
        return isinstance(self.default, int)


class Output(msgspec.Struct, frozen=True):
    """One output column: its name (empty when it is the only one) and its unit."""

    name: str
    unit: str


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """
    One definition of one indicator, used by batch research and by live trading alike.

    Attributes
    ----------
    name : str
        What a specification calls it.
    family : str
        The group it is listed under.
    summary, formula : str
        What it says, in a line; how it is computed, seeds included.
    params : tuple of Param
    outputs : tuple of Output
    warmup : callable
        Parameters to bars per output: output j is NaN on the first ``warmup[j] - 1`` usable bars and has its first
        value on the next.
    state_size : callable
        Parameters to the number of float64 the kernel keeps.
    kernel : Kernel
    flat : str
        The value given where a market that does not move leaves the formula undefined.
    source : str
        The literature that defines it.
    compared : str
        The published values it equals, and how closely.
    differences : str
        Where other definitions differ and why this one was chosen.
    absent : str
        When an output is NaN on a usable bar although the feature is warm; empty where that never happens.
    requires : callable
        Parameters to the rule between them that is broken, or an empty text.
    version : int
        Raised whenever the numbers change, so that a model trained on the old ones is refused.

    """

    name: str
    family: str
    summary: str
    formula: str
    params: tuple[Param, ...]
    outputs: tuple[Output, ...]
    warmup: Callable[[Params], Sequence[float]]
    state_size: Callable[[Params], float]
    kernel: Kernel
    flat: str
    source: str
    compared: str
    differences: str
    absent: str = ""
    requires: Callable[[Params], str] = lambda _: ""
    version: int = 1


def window(default: int, meaning: str, *, name: str = "window", low: int = 2) -> Param:
    """Return the parameter nearly every indicator has: a number of bars."""
    return Param(name=name, default=default, low=low, high=5000, meaning=meaning)
