"""The paper account on disk: written whole or not at all, so that a restart finds what was true."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from errors import Bot4Error
from research.recording.account import AccountState

FILE_NAME: Final = "paper_account.json"


def store(folder: Path, account: AccountState) -> None:
    """Replace the stored account: a new file, synced, renamed over the old one, and the folder synced."""
    path = folder / FILE_NAME
    fresh = path.with_suffix(".tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:  # which writes all or raises; a bare write may stop short on a full disk
        file.write(msgspec.json.format(msgspec.json.encode(account), indent=2) + b"\n")
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    parent = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def read(folder: Path) -> AccountState | None:
    """Return the stored account; None where the node has none yet."""
    path = folder / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=AccountState)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Bot4Error(f"{path}: the stored account is damaged ({error}); move it away to begin a new one") from None
