"""Fingerprint all code a compiled function is made of, so that a cache knows when its machine code is stale."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any


def code_digest(function: Any) -> str:
    """
    Return the SHA-256, in hex, of a function's byte code and of all it refers to, as loaded in this process.

    Follows global names through functions, numba's wrappers of functions, and constants. Taken from memory, not from
    source files: a file may be edited between its import and its compilation, and then the two disagree.

    Raises
    ------
    TypeError
        If the function refers to something that has no fingerprint, such as an array: compiled code would hold a
        copy of it, and a kernel's only memory is its state.

    """
    digest = hashlib.sha256()
    for piece in _pieces(_function(function), seen=set()):
        digest.update(piece.encode() + b"\0")
    return digest.hexdigest()


def _pieces(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    if function in seen:
        return
    seen.add(function)
    yield function.__qualname__
    names: list[str] = []
    for code in _nested(function.__code__):
        yield code.co_code.hex()
        yield repr([value for value in code.co_consts if not isinstance(value, CodeType)])
        yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_exceptiontable))
        names += code.co_names
    yield repr([cell.cell_contents for cell in function.__closure__ or ()])
    for name in sorted(set(names)):
        if name not in function.__globals__:
            continue  # a builtin, or an attribute
        value = function.__globals__[name]
        inner = _function(value)
        if inner is not None:
            yield from _pieces(inner, seen)
        elif isinstance(value, ModuleType | type):
            yield f"{name} is {value.__name__}"
        elif isinstance(value, int | float | str | bytes | None | tuple):
            yield f"{name} = {value!r}"
        else:
            raise TypeError(
                f"{function.__qualname__} refers to {name}, a {type(value).__name__}, which it must not hold"
            )


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _nested(value)


def _function(value: Any) -> Any:
    """Return the plain function behind a function, a compiled one (``py_func``) or an intrinsic (``_defn``)."""
    if isinstance(value, FunctionType):
        return value
    for attribute in ("py_func", "_defn"):
        inner = getattr(value, attribute, None)
        if isinstance(inner, FunctionType):
            return inner
    return None
