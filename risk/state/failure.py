"""What a store can fail with, each kind named because each has another answer."""

from __future__ import annotations

from errors import Bot4Error


class StateError(Bot4Error):
    """What was to be stored is not durable: it must not take effect."""


class NoSpaceError(StateError):
    """The disk, quota or file size limit is full; what was stored before is intact, and a later try may succeed."""


class PoisonedError(StateError):
    """
    A sync or rename failed, so what the disk holds is unknown: nothing more is stored, and nothing is tried again.

    After a failed sync the kernel may have dropped the data and called the pages clean; a second sync would then
    succeed without having written anything.
    """


class FencedError(StateError):
    """Another node holds the state now; this one must stop."""


class JournalCorruptError(StateError):
    """The journal is damaged where no power cut can have damaged it."""
