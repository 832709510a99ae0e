"""Write ``docs/configuration.md`` from the structs that decode the TOML files."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as types
from nautilus_trader.config import StrategyConfig

from live.node_config import NodeConfig
from research.backtest.config import RunConfig
from research.training.config import TrainConfig
from strategies.library.fused_config import FusedConfig
from strategies.library.powers import StrategyPowers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

HEAD = """\
# Configuration

Every key of the three kinds of TOML files, with type, range and default. The page is written from the code that reads
the files (`scripts/configuration_page.py`), and a test fails where the two differ. How to use them:
[getting started](getting-started.md), [paper sessions](paper.md).

Fractions are fractions (0.02 is 2 %), basis points end in `_bps`, times are UTC. An unknown key, a wrong type or a
value out of range ends the command with exit code 2 and names file and key. Default "none" means that the key may be
left out and then has no value; TOML cannot write `None`. A whole number may stand where a float is wanted.
"""

STRATEGY = """
The parameters of strategy `"fused"`. Other strategies have parameters of their own, see [strategies](strategies.md).
Instruments, bar, first trading time, model and the powers of the mode come from `[run]`, `[model]` and `[mode]`.
"""

NODE = """\
`[[strategy]]` (1 to 50 of them, each with a table `[strategy.params]` under it), `[limits]`, `[control]` and `[venue]`
are those of a backtest, above.
"""

HIDDEN = (
    frozenset(StrategyConfig.__struct_fields__)
    | frozenset(StrategyPowers.__struct_fields__)
    | {"instrument_ids", "bar", "trade_from_ns", "model_folder"}
)
"""Fields of the fused strategy that a user leaves alone: the engine's own, and what the run fills in."""

_SECTION = re.compile(r"^(Parameters|Attributes|Raises|References)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"^([a-z_0-9]+(?:, [a-z_0-9]+)*)(?: : .*)?$")


def page() -> str:
    """Return the whole page."""
    lines = [HEAD, "## Backtest", "", "`bot4 backtest run FILE`. Examples: `configs/backtest-*.toml`.", ""]
    lines += _tables(RunConfig, "")
    lines += ["## Training", "", "`bot4 model train FILE`. Examples: `configs/train-*.toml`.", ""]
    lines += _tables(TrainConfig, "")
    shared = frozenset(kind for field in _fields(RunConfig) if (kind := _nested(field.type)) is not None)
    lines += ["## Paper node", "", "`bot4 node run FILE`. Examples: `configs/paper-*.toml`.", "", NODE]
    lines += _tables(NodeConfig, "", leave_out=shared)
    return "\n".join(lines).rstrip() + "\n"


def _tables(
    struct: type[Any], path: str, *, many: bool = False, leave_out: frozenset[type[Any]] = frozenset()
) -> Iterator[str]:
    """Describe one struct as a TOML table, then the tables in it; those of the structs in `leave_out` are left out."""
    prose, meanings = _documentation(struct)
    fields = [field for field in _fields(struct) if struct is not FusedConfig or field.encode_name not in HIDDEN]
    plain = [field for field in fields if _nested(field.type) is None]
    if path:
        yield f"### `{'[[' if many else '['}{path}{']]' if many else ']'}`"
        yield ""
    if struct is FusedConfig:
        yield STRATEGY.strip()
    else:
        yield prose
    yield ""
    if plain:
        yield "| key | type and range | default | meaning |" if meanings else "| key | type and range | default |"
        yield "|---|---|---|---|" if meanings else "|---|---|---|"
        for field in plain:
            cells = [f"`{field.encode_name}`", _type(field.type), _default(field)]
            if meanings:
                cells.append(meanings.get(field.encode_name, ""))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""
    for field in fields:
        nested = _nested(field.type)
        inner = f"{path}.{field.encode_name}" if path else field.encode_name
        if nested in leave_out:
            continue
        if nested is not None:
            yield from _tables(nested, inner, many=isinstance(field.type, types.VarTupleType))
        elif inner == "strategy.params":
            yield from _tables(FusedConfig, inner)


def _fields(struct: type[Any]) -> tuple[types.Field, ...]:
    described = types.type_info(struct)
    if not isinstance(described, types.StructType):
        raise TypeError(f"expected a struct, was {struct}")
    return described.fields


def _nested(kind: types.Type) -> type[Any] | None:
    """Return the struct that a field holds, alone, optional or in an array; None where it holds none."""
    if isinstance(kind, types.StructType):
        return kind.cls
    if isinstance(kind, types.UnionType):
        return next((found for each in kind.types if (found := _nested(each)) is not None), None)
    if isinstance(kind, types.VarTupleType):
        return _nested(kind.item_type)
    return None


def _type(kind: types.Type) -> str:
    match kind:
        case types.Metadata():
            words = _type(kind.type)
        case types.UnionType():
            words = " or ".join(_type(each) for each in kind.types if not isinstance(each, types.NoneType))
        case types.LiteralType():
            words = ", ".join(f'`"{value}"`' for value in kind.values)
        case types.EnumType():
            words = ", ".join(f'`"{member.value}"`' for member in kind.cls)
        case types.VarTupleType():
            words = f"array of {_type(kind.item_type)}"
        case types.IntType() | types.FloatType():
            words = f"{'integer' if isinstance(kind, types.IntType) else 'float'}{_range(kind)}"
        case types.StrType():
            words = "text" if kind.pattern is None else f"text, `{kind.pattern}`"
        case types.BoolType():
            words = "`true`, `false`"
        case types.DictType():
            words = "table"
        case _:
            raise TypeError(f"no words for {kind}")
    return words


def _range(kind: types.IntType | types.FloatType) -> str:
    bounds = [
        f"{word} {value:_.15g}"
        for word, value in (("at least", kind.ge), ("above", kind.gt), ("at most", kind.le), ("below", kind.lt))
        if value is not None
    ]
    return ", " + ", ".join(bounds) if bounds else ""


def _default(field: types.Field) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    if isinstance(value, enum.Enum):
        value = value.value
    return f"`{msgspec.json.encode(value).decode()}`"


def _documentation(struct: type[Any]) -> tuple[str, dict[str, str]]:
    """Return a struct's prose, and what its numpy-style sections say of each field."""
    text = inspect.cleandoc(struct.__doc__ or "")
    parts = _SECTION.split(text)
    meanings: dict[str, str] = {}
    for title, section in zip(parts[1::2], parts[2::2], strict=True):
        if title not in {"Parameters", "Attributes"}:
            continue
        names: list[str] = []
        for line in section.splitlines():
            entry = _ENTRY.match(line)
            if entry:
                names = entry[1].split(", ")
                shared = f"{_code(names)}: " if len(names) > 1 else ""
                meanings |= dict.fromkeys(names, shared)
            elif line.startswith("    "):
                for name in names:
                    meanings[name] += _markdown(line.strip()) + " "
    return _markdown(parts[0].strip()), {name: text.strip() for name, text in meanings.items()}


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _markdown(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
