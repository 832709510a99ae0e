"""How long a bar lasts: the text form used everywhere ("1-HOUR", "30-MINUTE") and its length in nanoseconds."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from errors import ConfigError

UNIT_NS: Final = {"SECOND": 10**9, "MINUTE": 60 * 10**9, "HOUR": 3_600 * 10**9, "DAY": 86_400 * 10**9}
"""Length of each unit a bar may be counted in."""

_WHOLE: Final = {"SECOND": 60, "MINUTE": 60, "HOUR": 24, "DAY": 1}
_FORM: Final = re.compile(r"^([1-9][0-9]*)-(SECOND|MINUTE|HOUR|DAY)$")


class BarSize(msgspec.Struct, frozen=True):
    """Length of a bar, written as the engine writes it: a count and a unit."""

    count: int
    unit: str

    @property
    def ns(self) -> int:
        """Return the length in nanoseconds."""
        return self.count * UNIT_NS[self.unit]

    def __str__(self) -> str:
        return f"{self.count}-{self.unit}"

    @classmethod
    def parse(cls, text: str) -> BarSize:
        """Read a form such as ``30-MINUTE``; raise `ConfigError` for anything else."""
        match = _FORM.match(text.strip().upper())
        if match is None:
            raise ConfigError(f"a bar size is COUNT-UNIT with unit {', '.join(UNIT_NS)}, such as 1-HOUR, was {text!r}")
        return cls.of_ns(int(match.group(1)) * UNIT_NS[match.group(2)])

    @classmethod
    def of_ns(cls, length_ns: int) -> BarSize:
        """Return the size with this length in its largest whole unit, so that 60-MINUTE and 1-HOUR are one."""
        if length_ns <= 0 or length_ns % UNIT_NS["SECOND"]:
            raise ConfigError(f"a bar lasts a whole number of seconds, was {length_ns} ns")
        unit = next(name for name in reversed(UNIT_NS) if length_ns % UNIT_NS[name] == 0)
        count = length_ns // UNIT_NS[unit]
        if _WHOLE[unit] % count:
            raise ConfigError(f"a bar must divide the next larger unit evenly, was {count}-{unit}")
        return cls(count, unit)
