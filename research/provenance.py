"""Name the code behind a result: a digest of the sources it depends on, the commit, and versions of packages."""

from __future__ import annotations

import hashlib
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

RUN_SOURCES = ("catalog", "risk", "strategies", "research", "live")
"""What a backtest depends on: everything."""

MODEL_SOURCES = ("catalog", "strategies/features", "strategies/models", "research/training")
"""What turns stored bars into a model; an edit elsewhere leaves a model what it was."""

PACKAGES = ("nautilus_trader", "numpy", "numba", "xgboost-cpu", "pandas", "pyarrow", "mlflow")


def run_code_version() -> str:
    """Return commit and digest of all sources, so that an edited file is another code."""
    return f"{_commit()} sources {sources_digest(RUN_SOURCES)[:12]}"


def model_code_version() -> str:
    """
    Return a digest of the sources behind a model, with the versions of the trainer and of NumPy.

    It needs no version control, so an installed package has one too, and an uncommitted edit changes it.
    """
    trainer, numpy = (_version(*names) for names in (("xgboost-cpu", "xgboost"), ("numpy",)))
    return f"{sources_digest(MODEL_SOURCES)[:16]} xgboost {trainer} numpy {numpy}"


def sources_digest(folders: tuple[str, ...], root: Path = ROOT) -> str:
    """Return the SHA-256 over names and contents of all Python files in these folders, in hex."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    return {name: _version(name) for name in PACKAGES}


def _version(*names: str) -> str:
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def _commit() -> str:
    try:
        answer = subprocess.run(  # noqa: S603 (a fixed command)
            ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "no commit"
    return f"commit {answer.stdout.strip()}"
