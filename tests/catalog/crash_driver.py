"""Ingest in child processes that kill themselves at the n-th step that touches the disk; run by the crash test."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog_world import request

from catalog.ingest import ingest

POINTS_MAX = 120


def arm(point: int) -> None:
    """Make the process die just before its `point`-th rename, sync or removal."""
    steps = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return step

    for name in ("fsync", "replace", "unlink", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))


def main(folder: Path) -> None:
    """Leave one catalog a kill point below `folder`, each a copy of `before` that an extension was killed in."""
    for point in range(1, POINTS_MAX + 1):
        root = folder / f"killed-{point}"
        if (folder / "before").exists():
            shutil.copytree(folder / "before", root)
        child = os.fork()
        if child == 0:
            arm(point)
            ingest(root, request(folder / "whole.parquet"))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(0 if os.waitstatus_to_exitcode(status) == 0 else 1)  # ran to its end: every point was tried
    sys.exit("an ingest has more steps than the driver tries")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
