"""Fixtures of the fault tests: the tools and servers they need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from catalog.sample.ingest import ingest_sample

PACKAGES = {"strace": "strace", "etcd": "etcd-server", "unshare": "util-linux"}


def program(name: str) -> str:
    """Return the path of a program; without it skip and name the package, or fail where CI should have it."""
    path = shutil.which(name)
    if path is None:
        text = f"needs the program {name}, package {PACKAGES[name]}"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return path


@pytest.fixture(scope="session")
def strace() -> str:
    return program("strace")


@pytest.fixture(scope="session")
def etcd_binary() -> str:
    return program("etcd")


@pytest.fixture(scope="session")
def unshare() -> str:
    return program("unshare")


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home folder whose catalog holds the embedded sample's BTC bars."""
    home = tmp_path_factory.mktemp("home")
    ingest_sample(home / "catalog", ("BTCUSD",))
    return home
