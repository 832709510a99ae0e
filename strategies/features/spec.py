"""Name a feature and its parameters in a configuration; cheap to import, checked by the registry later."""

from __future__ import annotations

import math
import re

import msgspec

_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class FeatureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One feature with its parameters, as a TOML file states it: ``{name = "ema", params = {window = 20}}``.

    Attributes
    ----------
    name : str
        A name of the registry.
    params : dict of str to number
        What differs from the defaults.
    label : str, optional
        The column's name; by default the name and all parameters, such as ``macd_12_26_9``.

    Raises
    ------
    ValueError
        If the label is not letters, digits and underscores, or a parameter is not a finite number. Whether the
        feature exists and its parameters are in range is checked by `registry.bind`, which knows them.

    """

    name: str
    params: dict[str, int | float] = {}
    label: str | None = None

    def __post_init__(self) -> None:
        if self.label is not None and not _LABEL.fullmatch(self.label):
            raise ValueError(f"a label is a letter, then letters, digits and underscores; was {self.label!r}")
        for key, value in self.params.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"parameter {key} of {self.name} must be a finite number, was {value!r}")


class FeatureFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of specifications: one ``[[feature]]`` table a feature."""

    feature: tuple[FeatureSpec, ...]
