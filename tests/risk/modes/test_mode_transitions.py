"""The matrix of transitions against the specification, cell by cell and guard by guard."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from risk.modes.table import Mode
from risk.modes.transitions import (
    AT_ONCE,
    RECOVERY,
    TRANSITIONS,
    VALIDATION,
    Allowed,
    Guard,
    NotAllowed,
    decide,
    steps_down,
)

# as the specification tells it: None is refused, a set is what must hold
EXPECTED: dict[tuple[str, str], set[str] | None] = {
    ("Manual", "Manual"): set(),
    ("Manual", "SemiAuto"): {"APPROVAL"},
    ("Manual", "FullAuto"): None,
    ("Manual", "Emergency"): set(),
    ("SemiAuto", "Manual"): set(),
    ("SemiAuto", "SemiAuto"): set(),
    ("SemiAuto", "FullAuto"): {"SYSTEMS_HEALTHY", "MODELS_READY", "LIMITS_CONFIGURED"},
    ("SemiAuto", "Emergency"): set(),
    ("FullAuto", "Manual"): None,
    ("FullAuto", "SemiAuto"): set(),
    ("FullAuto", "FullAuto"): set(),
    ("FullAuto", "Emergency"): set(),
    ("Emergency", "Manual"): {"POSITIONS_CLOSED", "RISK_NORMAL", "PERSON_CLEARANCE"},
    ("Emergency", "SemiAuto"): None,
    ("Emergency", "FullAuto"): None,
    ("Emergency", "Emergency"): set(),
}
SUBSETS = [
    frozenset(subset) for subset in chain.from_iterable(combinations(Guard, size) for size in range(len(Guard) + 1))
]


@pytest.mark.parametrize(("before", "target"), EXPECTED)
def test_every_cell_with_every_combination_of_guards(before: str, target: str) -> None:
    needed = EXPECTED[before, target]
    assert len(SUBSETS) == 128

    for held in SUBSETS:
        verdict = decide(Mode(before), Mode(target), held)
        names = {guard.value for guard in held}
        if needed is None:
            assert verdict == NotAllowed(exists=False)
        elif needed <= names:
            assert verdict == Allowed()
        else:
            assert isinstance(verdict, NotAllowed)
            assert verdict.exists
            assert {guard.value for guard in verdict.missing} == needed - names


def test_the_matrix_has_no_other_cells() -> None:
    cells = {(before.value, target.value) for before, row in TRANSITIONS.items() for target in row}

    assert cells == set(EXPECTED) == {(before.value, target.value) for before in Mode for target in Mode}


def test_emergency_is_reached_from_every_mode_without_a_guard() -> None:
    assert all(TRANSITIONS[before][Mode.EMERGENCY] == AT_ONCE for before in Mode)


def test_every_way_up_has_a_guard() -> None:
    ways_up = [TRANSITIONS[before][target] for before in Mode for target in Mode if target.priority < before.priority]

    assert len(ways_up) == 6
    assert all(not rule.exists or rule.needs for rule in ways_up)


def test_validation_and_recovery_have_three_parts_each() -> None:
    assert [guard.value for guard in VALIDATION] == ["SYSTEMS_HEALTHY", "MODELS_READY", "LIMITS_CONFIGURED"]
    assert [guard.value for guard in RECOVERY] == ["POSITIONS_CLOSED", "RISK_NORMAL", "PERSON_CLEARANCE"]


@pytest.mark.parametrize(
    ("before", "target", "steps"),
    [
        (Mode.FULL_AUTO, Mode.SEMI_AUTO, (Mode.SEMI_AUTO,)),
        (Mode.FULL_AUTO, Mode.MANUAL, (Mode.SEMI_AUTO, Mode.MANUAL)),
        (Mode.FULL_AUTO, Mode.EMERGENCY, (Mode.EMERGENCY,)),
        (Mode.SEMI_AUTO, Mode.MANUAL, (Mode.MANUAL,)),
        (Mode.SEMI_AUTO, Mode.EMERGENCY, (Mode.EMERGENCY,)),
        (Mode.MANUAL, Mode.EMERGENCY, (Mode.EMERGENCY,)),
    ],
)
def test_the_way_down_is_made_of_steps_at_once(before: Mode, target: Mode, steps: tuple[Mode, ...]) -> None:
    assert steps_down(before, target) == steps
    for step in steps:
        assert TRANSITIONS[before][step] == AT_ONCE
        before = step


@pytest.mark.parametrize(("before", "target"), [(a, b) for a in Mode for b in Mode if b.priority <= a.priority])
def test_there_are_no_steps_down_to_a_mode_that_is_not_below(before: Mode, target: Mode) -> None:
    assert steps_down(before, target) == ()
