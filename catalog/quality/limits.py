"""How much may be wrong with a file before it is refused, or stored without being certified."""

from __future__ import annotations

from typing import Annotated

import msgspec

Fraction = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class QualityLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Limits, as fractions of records.

    More than `quarantined_max` bad records and the file is refused. More than `missing_max` missing or
    `stale_max` stale records and the data set is stored, but not certified: a run refuses it unless told
    otherwise, and then says so.
    """

    quarantined_max: Fraction = 0.001
    missing_max: Fraction = 0.01
    stale_max: Fraction = 0.10

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a fraction from 0 to 1, was {getattr(self, name)}")
