"""The mode of a start: every combination of what the stores, the venue and people say."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from risk.modes.start import mode_at_start
from risk.modes.table import Mode

USUAL: dict[str, Any] = {
    "recovered_mode": Mode.SEMI_AUTO,
    "resume_rank": 0,
    "doubt": None,
    "first_start": False,
    "crash_loop": False,
    "reconciled": True,
    "confirmed_by_person": True,
    "configured_mode": Mode.MANUAL,
}


def started(**changes: Any) -> Mode:
    return mode_at_start(**(USUAL | changes)).mode


def expected(stored: Mode | None, rank: int, first: bool, reconciled: bool, confirmed: bool, configured: Mode) -> Mode:
    """The specification again, in other words: start from the mode, then take away."""
    if first != (stored is None):
        return Mode.EMERGENCY
    mode = configured if first else stored
    assert mode is not None
    ranks = [mode.priority]
    if mode is Mode.FULL_AUTO and not (reconciled and (confirmed or first)):
        ranks.append(Mode.SEMI_AUTO.priority)
    if not first:
        ranks.append(rank)
    return {3: Mode.EMERGENCY, 2: Mode.MANUAL, 1: Mode.SEMI_AUTO, 0: Mode.FULL_AUTO}[max(ranks)]


def test_every_combination_without_a_doubt() -> None:
    cells = list(product([None, *Mode], range(4), *[(False, True)] * 3, Mode))
    assert len(cells) == 640

    for stored, rank, first, reconciled, confirmed, configured in cells:
        mode = started(
            recovered_mode=stored,
            resume_rank=rank,
            first_start=first,
            reconciled=reconciled,
            confirmed_by_person=confirmed,
            configured_mode=configured,
        )
        assert mode is expected(stored, rank, first, reconciled, confirmed, configured)
        if stored is not None and not first:
            assert mode.priority >= max(stored.priority, rank)


@pytest.mark.parametrize("stored", [None, *Mode])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("trouble", [{"doubt": "torn"}, {"crash_loop": True}, {"doubt": "torn", "crash_loop": True}])
def test_doubt_and_crash_loops_are_emergencies(stored: Mode | None, first: bool, trouble: dict[str, Any]) -> None:
    assert started(recovered_mode=stored, first_start=first, **trouble) is Mode.EMERGENCY


def test_full_auto_resumes_only_reconciled_and_confirmed() -> None:
    full = {"recovered_mode": Mode.FULL_AUTO}

    assert started(**full) is Mode.FULL_AUTO
    assert started(**full, reconciled=False) is Mode.SEMI_AUTO
    assert started(**full, confirmed_by_person=False) is Mode.SEMI_AUTO


def test_a_first_start_takes_the_configuration_for_a_persons_word() -> None:
    first = {"first_start": True, "recovered_mode": None, "configured_mode": Mode.FULL_AUTO}

    assert started(**first, confirmed_by_person=False) is Mode.FULL_AUTO
    assert started(**first, reconciled=False) is Mode.SEMI_AUTO


def test_a_later_start_does_not_go_back_to_the_configuration() -> None:
    assert started(recovered_mode=Mode.MANUAL, configured_mode=Mode.FULL_AUTO) is Mode.MANUAL
    assert started(recovered_mode=Mode.SEMI_AUTO, configured_mode=Mode.MANUAL) is Mode.SEMI_AUTO


def test_the_reason_names_what_was_missing() -> None:
    decision = mode_at_start(**(USUAL | {"recovered_mode": Mode.FULL_AUTO, "confirmed_by_person": False}))
    limited = mode_at_start(**(USUAL | {"resume_rank": 2}))

    assert "confirmation" in decision.reason
    assert "let Manual resume" in limited.reason
    assert "torn" in mode_at_start(**(USUAL | {"doubt": "torn at byte 7"})).reason
