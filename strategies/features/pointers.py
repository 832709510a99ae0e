"""Read addresses as memory and as code inside compiled functions."""

# ruff: noqa: ARG001 - numba fixes the arguments of an intrinsic

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic


@intrinsic
def doubles(typing: Any, where: Any) -> Any:
    """Read an address as a pointer to float64."""
    return types.CPointer(types.float64)(where), lambda context, builder, signature, args: builder.inttoptr(
        args[0], context.get_value_type(signature.return_type)
    )


@intrinsic
def words(typing: Any, where: Any) -> Any:
    """Read an address as a pointer to int64."""
    return types.CPointer(types.int64)(where), lambda context, builder, signature, args: builder.inttoptr(
        args[0], context.get_value_type(signature.return_type)
    )


@intrinsic
def call(typing: Any, code: Any, ts_ns: Any, bar: Any, params: Any, state: Any, out: Any) -> Any:
    """Call the kernel whose code starts at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        doubles = ir.DoubleType().as_pointer()
        function = ir.FunctionType(ir.VoidType(), [ir.IntType(64), *[doubles] * 4])
        target = builder.inttoptr(args[0], function.as_pointer())
        builder.call(target, [args[1], *(builder.inttoptr(where, doubles) for where in args[2:])])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate
