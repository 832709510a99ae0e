"""Say what this machine is ready for: Python, packages, disk, clock, servers, secrets, catalog."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import msgspec
import typer

import settings
from errors import Bot4Error, PreconditionError
from terminal import JsonFlag, emit, guarded, out, show_table

app = typer.Typer(add_completion=False)

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
DISK_FREE_GB_MIN = 2.0


class State(Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


class Check(msgspec.Struct, frozen=True):
    """One thing looked at: its state, what was found, and which uses need it."""

    name: str
    state: State
    found: str
    needed_for: tuple[str, ...]


USES = ("backtest", "paper", "live")


@app.command()
@guarded
def doctor(json_: JsonFlag = False) -> None:
    """Say what this machine is ready for; exit 3 where even a backtest is not."""
    checks = list(examine())
    ready = {use: all(c.state is not State.MISSING for c in checks if use in c.needed_for) for use in USES}
    ready["live"] = False  # no venue can be reached by this version, whatever the machine has
    if json_:
        emit({"checks": checks, "ready": ready})
    else:
        show_table(
            "bot4 doctor",
            ("check", "state", "found", "needed for"),
            [(c.name, c.state.value, c.found, ", ".join(c.needed_for)) for c in checks],
        )
        for use in USES:
            out.print(f"{use:<9} {'ready' if ready[use] else 'not ready'}")
        out.print("paper: replayed market data and a simulated venue; a real venue is not part of this version")
    if not ready["backtest"]:
        missing = ", ".join(c.name for c in checks if c.state is State.MISSING and "backtest" in c.needed_for)
        raise PreconditionError(f"not ready for a backtest: {missing}")


def examine() -> Iterator[Check]:
    """Look at everything in turn."""
    yield _python()
    yield _packages()
    yield _disk()
    yield _clock()
    yield from _servers()
    yield _secrets()
    yield _catalog()
    yield _models()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    state = State.OK if sys.version_info[:2] == (3, 13) else State.MISSING
    return Check("python", state, f"{version}, 3.13 is wanted", USES)


def _packages() -> Check:
    if not LOCK.exists():
        return Check("packages", State.WARNING, "requirements.lock is not beside the code: versions not compared", USES)
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", LOCK.read_text(), flags=re.MULTILINE))
    installed = {_normal(d.metadata["Name"]): d.version for d in importlib.metadata.distributions()}
    absent = [name for name in pinned if _normal(name) not in installed]
    other = [name for name, version in pinned.items() if installed.get(_normal(name), version) != version]
    if absent:
        return Check("packages", State.MISSING, f"not installed: {', '.join(absent[:5])}; run make setup", USES)
    if other:
        return Check("packages", State.WARNING, f"not the pinned version: {', '.join(other[:5])}", USES)
    return Check("packages", State.OK, f"{len(pinned)} at their pinned versions", USES)


def _disk() -> Check:
    folder = settings.home()
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    state = State.OK if free_gb >= DISK_FREE_GB_MIN else State.WARNING
    return Check("disk", state, f"{free_gb:.1f} GB free for {folder}, {DISK_FREE_GB_MIN:.0f} GB are advised", USES)


def _clock() -> Check:
    resolution_ns = time.get_clock_info("time").resolution * 1e9
    found = f"resolution {resolution_ns:.0f} ns; the offset from a venue is measured only when a node connects"
    return Check("clock", State.OK, found, ("live",))


def _servers() -> Iterator[Check]:
    for name, port in (("redis", 6379), ("postgresql", 5432), ("etcd", 2379)):
        with socket.socket() as probe:
            probe.settimeout(0.2)
            answers = probe.connect_ex(("127.0.0.1", port)) == 0
        found = f"answers on 127.0.0.1:{port}" if answers else f"nothing on 127.0.0.1:{port}; optional"
        yield Check(name, State.OK if answers else State.WARNING, found, ())


def _secrets() -> Check:
    names = [n for n in ("BINANCE_API_KEY", "BYBIT_API_KEY", "OKX_API_KEY", "KRAKEN_API_KEY") if os.environ.get(n)]
    found = f"present in the environment: {', '.join(names)}" if names else "no venue key in the environment"
    return Check("secrets", State.OK if names else State.MISSING, found, ("live",))


def _catalog() -> Check:
    folder = settings.home() / "catalog"
    if not folder.is_dir():
        return Check("catalog", State.WARNING, f"none at {folder}; `bot4 demo` or `bot4 data ingest` makes one", ())
    from catalog.store.parquet import Catalog

    try:
        catalog = Catalog(folder)
        sets, _ = catalog.datasets(), catalog.specs()
    except Bot4Error as error:
        return Check("catalog", State.MISSING, f"damaged: {error}", ("backtest",))
    return Check("catalog", State.OK if sets else State.WARNING, f"{len(sets)} data sets at {folder}", ())


def _models() -> Check:
    store = settings.home() / "mlflow.db"
    state = State.OK if store.exists() else State.WARNING
    return Check("models", state, str(store) if store.exists() else f"no MLflow store at {store}", ())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
