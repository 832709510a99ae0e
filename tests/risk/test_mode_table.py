from __future__ import annotations

import msgspec
import pytest

from risk.intent import Origin
from risk.modes.table import POWERS, Breakers, Mode, Permission, Powers, Signals, StopLosses, Switch

OFF, ON, CLOSING = Switch.OFF, Switch.ON, Switch.CLOSING_ONLY

# the table as the specification prints it, row by row: Manual, SemiAuto, FullAuto, Emergency
TABLE: dict[str, tuple[object, object, object, object]] = {
    "risk_multiplier": (0.5, 0.75, 1.0, 0.0),
    "daily_loss_max": (0.01, 0.015, 0.02, 0.0),
    "leverage_max": (1.0, 2.0, 3.0, 0.0),
    "automated_orders": (Permission.NO, Permission.AFTER_APPROVAL, Permission.YES, Permission.CLOSING_ONLY),
    "operator_orders": (Permission.WITH_ID_AND_REASON, Permission.YES, Permission.YES, Permission.CLOSING_ONLY),
    "signals": (Signals.FOR_REVIEW, Signals.TECHNICAL, Signals.TECHNICAL_AND_LEARNED, Signals.NONE),
    "ml_inference": (False, False, True, False),
    "stop_losses": (StopLosses.OPERATOR, StopLosses.AUTOMATIC, StopLosses.AUTOMATIC, StopLosses.ENFORCED),
    "kelly_sizing": (OFF, OFF, ON, OFF),
    "portfolio_optimisation": (OFF, OFF, ON, OFF),
    "reinforcement_learning": (OFF, OFF, ON, OFF),
    "market_making": (OFF, OFF, ON, OFF),
    "arbitrage": (OFF, OFF, ON, OFF),
    "funding_strategies": (OFF, OFF, ON, OFF),
    "execution_algorithms": (OFF, OFF, ON, CLOSING),
    "circuit_breakers": (Breakers.ON, Breakers.TIGHTENED, Breakers.ON, Breakers.ALL_OPEN),
    "breaker_threshold_multiplier": (1.0, 0.75, 1.0, None),
    "positions_max": (None, None, 20, 0),
}
COLUMNS = (Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO, Mode.EMERGENCY)


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("column", range(4))
def test_every_cell_is_as_specified(row: str, column: int) -> None:
    assert getattr(POWERS[COLUMNS[column]], row) == TABLE[row][column]


def test_no_power_is_without_a_row() -> None:
    assert set(Powers.__struct_fields__) == set(TABLE)
    assert set(POWERS) == set(Mode)


def test_the_more_restrictive_mode_ranks_higher() -> None:
    assert [mode.priority for mode in COLUMNS] == [2, 1, 0, 3]


def test_orders_tells_strategies_from_people() -> None:
    assert POWERS[Mode.MANUAL].orders(Origin.AUTOMATED) is Permission.NO
    assert POWERS[Mode.MANUAL].orders(Origin.OPERATOR) is Permission.WITH_ID_AND_REASON


def test_modes_are_written_in_configs_as_people_say_them() -> None:
    assert msgspec.convert(["Manual", "SemiAuto", "FullAuto", "Emergency"], list[Mode]) == list(COLUMNS)
