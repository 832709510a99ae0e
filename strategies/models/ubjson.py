"""Read UBJSON, the binary form in which XGBoost saves a model, trusting nothing it says about sizes."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from errors import PreconditionError

NESTING_MAX = 32
"""Objects within objects; XGBoost's models nest about eight deep."""

_NUMBERS: dict[int, tuple[str, str]] = {
    ord("i"): (">b", ">i1"),
    ord("U"): (">B", ">u1"),
    ord("I"): (">h", ">i2"),
    ord("l"): (">i", ">i4"),
    ord("L"): (">q", ">i8"),
    ord("d"): (">f", ">f4"),
    ord("D"): (">d", ">f8"),
}
_CONSTANTS: dict[int, bool | None] = {ord("T"): True, ord("F"): False, ord("Z"): None}


def parse(raw: bytes) -> Any:
    """
    Decode one UBJSON value that fills `raw` to its last byte.

    Parameters
    ----------
    raw : bytes
        A whole file. Every length in it is checked against what is left before anything is read or allocated.

    Returns
    -------
    object
        Dicts, lists, strings, numbers; an array of one number type becomes a numpy array of that type.

    Raises
    ------
    PreconditionError
        If the bytes are cut short, contradict themselves, nest too deep or go on after the value.

    References
    ----------
    Universal Binary JSON, draft 12 (ubjson.org), with the ``$`` and ``#`` optimised containers.

    """
    reader = _Reader(raw)
    value = reader.value(reader.marker(), 0)
    if reader.position != len(raw):
        raise reader.refusal(f"{len(raw) - reader.position} bytes follow the end of the document")
    return value


class _Reader:
    """A position in the bytes, and the productions of the grammar."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.position = 0

    def refusal(self, reason: str) -> PreconditionError:
        return PreconditionError(f"not a UBJSON model: {reason} (at byte {self.position} of {len(self.raw)})")

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.raw) - self.position:
            raise self.refusal(f"{size} bytes were announced, {len(self.raw) - self.position} are left")
        self.position += size
        return self.raw[self.position - size : self.position]

    def marker(self) -> int:
        return self.take(1)[0]

    def peek(self) -> int:
        return self.raw[self.position] if self.position < len(self.raw) else -1

    def length(self) -> int:
        marker = self.marker()
        value = self.value(marker, 0) if marker in _NUMBERS else None
        if not isinstance(value, int) or value < 0:
            raise self.refusal(f"a length must be a whole number of at least 0, was {value!r}")
        return value

    def text(self) -> str:
        try:
            return self.take(self.length()).decode("utf-8")
        except UnicodeDecodeError:
            raise self.refusal("a string is not UTF-8") from None

    def value(self, marker: int, depth: int) -> Any:
        if depth > NESTING_MAX:
            raise self.refusal(f"nested deeper than {NESTING_MAX}")
        if marker in _NUMBERS:
            form = _NUMBERS[marker][0]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == ord("S"):
            return self.text()
        if marker == ord("C"):
            return chr(self.take(1)[0])
        if marker == ord("["):
            return self.array(depth)
        if marker == ord("{"):
            return self.object(depth)
        raise self.refusal(f"unknown type marker {bytes([marker])!r}")

    def array(self, depth: int) -> Any:
        kind, count = self.header()
        if kind in _NUMBERS and count is not None:
            dtype = np.dtype(_NUMBERS[kind][1])
            values = np.frombuffer(self.take(count * dtype.itemsize), dtype)
            return values.astype(dtype.newbyteorder("="))
        items: list[Any] = []
        while self.goes_on("]", count, len(items)):
            items.append(self.value(self.marker() if kind is None else kind, depth + 1))
        return items

    def object(self, depth: int) -> dict[str, Any]:
        kind, count = self.header()
        fields: dict[str, Any] = {}
        while self.goes_on("}", count, len(fields)):
            name = self.text()
            if name in fields:
                raise self.refusal(f"the key {name!r} stands twice in one object")
            fields[name] = self.value(self.marker() if kind is None else kind, depth + 1)
        return fields

    def header(self) -> tuple[int | None, int | None]:
        """Read the optional ``$type`` and ``#count`` of a container."""
        kind = None
        if self.peek() == ord("$"):
            self.position += 1
            kind = self.marker()
            if kind in _CONSTANTS or self.peek() != ord("#"):  # values of no bytes would defeat the size check
                raise self.refusal("a typed container needs a count, and a type that takes bytes")
        if self.peek() != ord("#"):
            return kind, None
        self.position += 1
        count = self.length()
        if count > len(self.raw) - self.position:
            raise self.refusal(f"{count} items were announced, {len(self.raw) - self.position} bytes are left")
        return kind, count

    def goes_on(self, closing: str, count: int | None, read: int) -> bool:
        if count is not None:
            return read < count
        if self.peek() == ord(closing):
            self.position += 1
            return False
        return True
