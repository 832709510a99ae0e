"""With what control state a session begins, so that its replay begins with the same."""

from __future__ import annotations

import msgspec

from risk.control.document import ControlState
from risk.modes.start import StartDecision


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The mode of the start and why, what an earlier session left (None for a first one), and the session's number."""

    start: StartDecision
    restored: ControlState | None = None
    number: int = 0
