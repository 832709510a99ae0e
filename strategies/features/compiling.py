"""Turn a kernel into machine code once, and keep it on disk so that the next process need not wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc
from numba.extending import register_jitable

from strategies.features.code_digest import code_digest
from strategies.features.kernel import Kernel

_DOUBLES = types.CPointer(types.float64)
_KERNEL_SIGNATURE = types.void(types.int64, _DOUBLES, _DOUBLES, _DOUBLES, _DOUBLES)

# Division by zero gives infinity or NaN, as in C: a kernel has nobody to raise to.
OPTIONS = {"error_model": "numpy"}


def inline[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a building block of kernels; it is compiled into each kernel that uses it."""
    return njit(forceinline=True, **OPTIONS)(function)  # type: ignore[no-any-return]


def usable_in_kernels[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that kernels and plain Python both call; the latter never compiles anything."""
    return register_jitable(function)  # type: ignore[no-any-return]


def address(kernel: Kernel) -> int:
    """
    Return where the kernel's machine code starts, compiling or loading it on first use.

    A first compilation takes about 0.2 s, loading from the disk cache a few milliseconds.
    """
    return int(_compiled(kernel).address)


def compiled_driver(function: Callable[..., Any], signature: Any) -> Callable[..., Any]:
    """Return a loop over kernels, compiled for exactly one signature, so that no call ever compiles another."""
    dispatcher = njit(**OPTIONS)(function)
    store = _store(function)
    if store is not None:
        dispatcher._cache = store  # noqa: SLF001 - numba has no public way to name the files a cache depends on
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher  # type: ignore[no-any-return]


@cache  # keeps the code alive as long as the process: addresses of it are handed out
def _compiled(kernel: Kernel) -> Any:
    code = CFunc(kernel, (_KERNEL_SIGNATURE.args, types.void), locals={}, options=dict(OPTIONS))
    store = _store(kernel)
    if store is not None:
        code._cache = store  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    code.compile()
    return code


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """
    Numba's cache on disk, stale as soon as anything the function is made of changes.

    Numba watches only the file a function stands in; a kernel is made of building blocks from other files too,
    and with them edited the old machine code would go on being used.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=code_digest(function),
        )


def _store(function: Callable[..., Any]) -> _KernelCache | None:
    try:
        return _KernelCache(function)
    except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
        return None
