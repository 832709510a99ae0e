"""Decide the control mode of a start: at most the one that was stored, and Emergency wherever there is doubt."""

from __future__ import annotations

import msgspec

from risk.modes.table import Mode


class StartDecision(msgspec.Struct, frozen=True):
    """The mode to start in, and why it is that one."""

    mode: Mode
    reason: str


def mode_at_start(
    *,
    recovered_mode: Mode | None,
    resume_rank: int,
    doubt: str | None,
    first_start: bool,
    crash_loop: bool,
    reconciled: bool,
    confirmed_by_person: bool,
    configured_mode: Mode,
) -> StartDecision:
    """
    Return the mode to start in; it is never less restrictive than the stored one.

    Parameters
    ----------
    recovered_mode : Mode or None
        What the stores hold, None where they hold nothing.
    resume_rank : int
        The least `Mode.priority` that the stores allow to resume, such as Manual's where etcd does not answer; it says
        nothing about a first start.
    doubt : str or None
        What is missing, torn, tampered with or contradictory in the stores; None where they were read without a doubt.
    first_start : bool
        Whether there has never been a state here: a store that was emptied is a doubt, not a first start.
    crash_loop : bool
        Whether this is the third start within five minutes.
    reconciled : bool
        Whether orders and positions agree with the venue's. A replay, whose venue starts with nothing, is reconciled.
    confirmed_by_person : bool
        Whether a person has confirmed, for this start, that FullAuto may go on.
    configured_mode : Mode
        The mode of the first start. The configuration is a person's statement, so it needs no other confirmation, and
        a replay or a paper session may begin in FullAuto. Later starts resume the stored mode instead.

    """
    if doubt is not None:
        return StartDecision(Mode.EMERGENCY, f"the stored state is in doubt: {doubt}")
    if crash_loop:
        return StartDecision(Mode.EMERGENCY, "third start within five minutes")
    if first_start is not (recovered_mode is None):
        stored = "no mode" if recovered_mode is None else recovered_mode.value
        return StartDecision(Mode.EMERGENCY, f"{'a' if first_start else 'not the'} first start, but {stored} is stored")
    if recovered_mode is None:
        return _resumed(configured_mode, "configured", reconciled=reconciled, confirmed=True)
    resumed = _resumed(recovered_mode, "stored", reconciled=reconciled, confirmed=confirmed_by_person)
    if resumed.mode.priority >= resume_rank:
        return resumed
    least = next(mode for mode in Mode if mode.priority == resume_rank)
    return StartDecision(least, f"{resumed.reason}, of which the stores let {least.value} resume")


def _resumed(mode: Mode, origin: str, *, reconciled: bool, confirmed: bool) -> StartDecision:
    if mode is not Mode.FULL_AUTO or (reconciled and confirmed):
        return StartDecision(mode, f"{origin} mode {mode.value}")
    lacks = "a person's confirmation" if reconciled else "reconciliation with the venue"
    return StartDecision(Mode.SEMI_AUTO, f"{origin} mode FullAuto lacks {lacks}")
