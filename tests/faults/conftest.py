"""Fixtures of the fault tests: the tools and servers they need."""

from __future__ import annotations

import os
import shutil

import pytest

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
