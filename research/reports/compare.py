"""Put runs side by side: figures, differences of configuration, and the first decision that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from errors import ConfigError, PreconditionError
from research.reports.runs import read_summary
from research.reports.schema import Figure
from settings import read_toml

FIGURES = (
    "start_equity", "final_equity", "total_return", "cagr", "volatility", "sharpe", "deflated_sharpe", "sortino",
    "calmar", "max_drawdown", "exposure", "leverage_max", "liquidation_distance_min", "turnover", "intents", "orders",
    "fills", "trades", "win_rate", "profit_factor", "fees", "funding", "slippage", "liquidations", "trials",
    "wall_seconds",
)  # fmt: skip
LOG = "decisions.jsonl"


class ConfigDifference(msgspec.Struct, frozen=True):
    """A key whose value is not the same in all runs; None where a run has no such key."""

    key: str
    values: tuple[str | None, ...]


class DecisionDifference(msgspec.Struct, frozen=True):
    """
    The first decision on which a run parts from the first one.

    `seq` is the number of the decision (its place in the log where the line has none); a line is None where that
    log has ended.
    """

    run_id: str
    seq: int
    first: str | None
    other: str | None


class Comparison(msgspec.Struct, frozen=True):
    """
    Runs side by side, in the order asked for.

    `figures` holds one row a figure, with one value a run. `decisions` has an entry for each run that does not decide
    as the first one does. `same_data` says whether all read the same data: if not, figures do not compare.
    """

    run_ids: tuple[str, ...]
    same_data: bool
    same_code: bool
    same_decisions: bool
    figures: dict[str, tuple[Figure, ...]]
    rejections: dict[str, tuple[int, ...]]
    config: tuple[ConfigDifference, ...]
    decisions: tuple[DecisionDifference, ...]


def compare_runs(folders: Sequence[Path]) -> Comparison:
    """
    Compare two or more runs.

    Raises
    ------
    ConfigError
        If fewer than two runs are given, or one twice.
    PreconditionError
        If a folder is incomplete or torn.

    """
    if len(folders) < 2:
        raise ConfigError(f"need at least two runs to compare, got {len(folders)}")
    if len(set(folders)) < len(folders):
        raise ConfigError("a run can't be compared with itself")
    summaries = [read_summary(folder) for folder in folders]
    codes = sorted({code for summary in summaries for code in summary.rejections})
    decisions = [first_difference(folders[0], folder) for folder in folders[1:]]
    return Comparison(
        run_ids=tuple(summary.run_id for summary in summaries),
        same_data=len({summary.data_fingerprint for summary in summaries}) == 1,
        same_code=len({summary.code_version for summary in summaries}) == 1,
        same_decisions=not any(decisions),
        figures={name: tuple(getattr(summary, name) for summary in summaries) for name in FIGURES},
        rejections={code: tuple(summary.rejections.get(code, 0) for summary in summaries) for code in codes},
        config=tuple(config_differences([read_toml(_present(folder, "config.toml")) for folder in folders])),
        decisions=tuple(difference for difference in decisions if difference is not None),
    )


def first_difference(first: Path, other: Path) -> DecisionDifference | None:
    """Return the first line in which two runs' decision logs differ, or None where they are equal."""
    with _present(first, LOG).open("rb") as ours, _present(other, LOG).open("rb") as theirs:
        for number, (line, against) in enumerate(zip_longest(ours, theirs)):
            if line != against:
                seq = _sequence(line if line is not None else against, number)
                return DecisionDifference(other.name, seq, _text(line), _text(against))
    return None


def config_differences(configs: Sequence[Mapping[str, Any]]) -> list[ConfigDifference]:
    """Return every key, dotted, whose value is not the same in all configurations, in the order of their names."""
    flat = [flatten(config) for config in configs]
    keys = sorted({key for config in flat for key in config})
    rows = [ConfigDifference(key, tuple(config.get(key) for config in flat)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1]


def flatten(document: Any, prefix: str = "") -> dict[str, str]:
    """Return nested tables and lists as dotted keys, list items by their number, with values as text."""
    if isinstance(document, Mapping):
        pairs = [(str(key), value) for key, value in document.items()]
    elif isinstance(document, list):
        pairs = [(str(index), value) for index, value in enumerate(document)]
    else:
        return {prefix: str(document)}
    flat: dict[str, str] = {}
    for key, value in pairs:
        flat |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return flat


def _present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise PreconditionError(f"run {folder.name}: {name} is missing; the run did not finish")
    return path


def _sequence(line: bytes | None, number: int) -> int:
    try:
        document = msgspec.json.decode(line or b"")
    except msgspec.DecodeError:
        return number
    seq = document.get("seq") if isinstance(document, dict) else None
    return seq if isinstance(seq, int) else number


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="replace").rstrip("\n")
