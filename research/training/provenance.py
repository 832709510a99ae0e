"""Name the code that trained a model: a digest of the sources a prediction depends on, and the trainer's version."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("catalog", "strategies/features", "strategies/models", "research/training")


def code_version() -> str:
    """
    Return a digest of the sources that turn stored bars into a model, with the versions of the trainer and of NumPy.

    It needs no version control, so an installed package has one too, and an uncommitted edit changes it.
    """
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{digest.hexdigest()[:16]} xgboost {_version('xgboost-cpu', 'xgboost')} numpy {_version('numpy')}"


def _version(*names: str) -> str:
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"
