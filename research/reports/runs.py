"""Find and read run folders quickly: their summaries and manifests, without touching the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from errors import Bot4Error, PreconditionError
from research.reports.schema import Manifest, Summary

RUN_FILES = (
    "summary.json",
    "manifest.json",
    "config.toml",
    "decisions.jsonl",
    "orders.parquet",
    "fills.parquet",
    "positions.parquet",
    "equity.parquet",
    "audit.jsonl",
    "tearsheet.html",
)
"""What a complete run folder holds."""


class BrokenRun(msgspec.Struct, frozen=True):
    """A folder among the runs that cannot be read as one, and why."""

    run_id: str
    reason: str


class Trial(msgspec.Struct, frozen=True):
    """One distinct earlier result on the same strategy and data; `sharpe` is annualised, None where undefined."""

    run_id: str
    decision_hash: str
    sharpe: float | None


def read_summary(folder: Path) -> Summary:
    """Read a run's figures; raise `PreconditionError` naming the run where they are missing or unreadable."""
    return _read(folder, "summary.json", Summary)


def read_manifest(folder: Path) -> Manifest:
    """Read what a run was; raise `PreconditionError` naming the run where it is missing or unreadable."""
    return _read(folder, "manifest.json", Manifest)


def missing_files(folder: Path) -> list[str]:
    """Return the files a complete run folder has and this one lacks."""
    return [name for name in RUN_FILES if not (folder / name).is_file()]


def list_runs(root: Path) -> tuple[list[Summary], list[BrokenRun]]:
    """
    Read the summaries of all runs under a folder.

    Returns
    -------
    tuple of list
        The readable runs in the order of their folder names, and the folders that are not readable, with the
        reason. Hidden folders are not looked at; a root that does not exist has no runs.

    """
    summaries: list[Summary] = []
    broken: list[BrokenRun] = []
    for folder in _folders(root):
        try:
            summaries.append(read_summary(folder))
        except Bot4Error as error:
            broken.append(BrokenRun(folder.name, str(error)))
    return summaries, broken


def find_run(root: Path, name: str) -> Path:
    """
    Return the folder of a run.

    Parameters
    ----------
    root : Path
        The folder of runs.
    name : str
        A run's name, the unambiguous beginning of one, or ``latest`` for the folder last in name order.

    Raises
    ------
    PreconditionError
        If no run, or more than one, goes by that name.

    """
    folders = _folders(root)
    if not folders:
        raise PreconditionError(f"no runs under {root}; `bot4 backtest run` makes one")
    if name == "latest":
        return folders[-1]
    exact = [folder for folder in folders if folder.name == name]
    matches = exact or [folder for folder in folders if name and folder.name.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise PreconditionError(f"run {name!r} is ambiguous: {_names(matches)}")
    raise PreconditionError(f"no run {name!r} under {root}; there are: {_names(folders)}")


def earlier_trials(root: Path, *, strategy: str, data_fingerprint: str, decision_hash: str) -> list[Trial]:
    """
    Return the other results obtained with a strategy on the same data: what multiple testing has to answer for.

    A repetition (the same `decision_hash`) is the same trial and is counted once; runs whose folders are unreadable
    are left out.

    Parameters
    ----------
    root : Path
        The folder of runs.
    strategy, data_fingerprint : str
        What a run must share to be a trial of the same thing.
    decision_hash : str
        The run being judged, which is not among its own earlier trials.

    """
    summaries, _ = list_runs(root)
    distinct = {
        run.decision_hash: Trial(run.run_id, run.decision_hash, run.sharpe)
        for run in summaries
        if run.strategy == strategy and run.data_fingerprint == data_fingerprint
    }
    distinct.pop(decision_hash, None)
    return list(distinct.values())


def trial_sharpes(trials: Sequence[Trial], periods_per_year: float = 365.0) -> list[float]:
    """Return the trials' Sharpe ratios per period, as `overfitting.deflated_sharpe` wants them; NaN where undefined."""
    scale = math.sqrt(periods_per_year)
    return [math.nan if trial.sharpe is None else trial.sharpe / scale for trial in trials]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _names(folders: Sequence[Path], shown: int = 10) -> str:
    names = ", ".join(folder.name for folder in folders[-shown:])
    return names if len(folders) <= shown else f"{names} and {len(folders) - shown} more"


def _read[T](folder: Path, name: str, into: type[T]) -> T:
    if not folder.is_dir():
        raise PreconditionError(f"run {folder.name}: no such folder {folder}")
    path = folder / name
    try:
        return msgspec.json.decode(path.read_bytes(), type=into)
    except FileNotFoundError:
        raise PreconditionError(f"run {folder.name}: {name} is missing; the run did not finish") from None
    except OSError as error:
        raise PreconditionError(f"run {folder.name}: {name} is not readable: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PreconditionError(f"run {folder.name}: {name} is corrupt: {error}") from None
