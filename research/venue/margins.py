"""What simulated venues say of wallets and isolated margins, and how margin is moved there."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nautilus_trader.model.identifiers import InstrumentId, PositionId

from research.venue.liquidation import Liquidator
from risk.barriers import venue_of


class SimulatedMargins:
    """
    Answer for simulated venues as `risk.account_margin.MarginAccounts`.

    A venue that liquidates nobody has no wallet that could be asked for: its positions can't be judged.

    Parameters
    ----------
    liquidators : mapping of venue name to Liquidator
        Those of the run that liquidate.

    """

    def __init__(self, liquidators: Mapping[str, Liquidator]) -> None:
        self._liquidators = dict(liquidators)
        self._ids: dict[str, InstrumentId] = {}

    def wallet(self, venue: str) -> float:
        """Return the cash of the account at a venue; NaN where nothing is liquidated."""
        liquidator = self._liquidators.get(venue)
        return math.nan if liquidator is None else liquidator.wallet()

    def isolated_margin(self, instrument: str) -> float | None:
        """Return the collateral of an isolated position; None where the whole account backs it."""
        liquidator = self._liquidators.get(venue_of(instrument))
        if liquidator is None:
            return None
        instrument_id = self._ids.get(instrument)
        if instrument_id is None:
            instrument_id = self._ids[instrument] = InstrumentId.from_str(instrument)
        return liquidator.isolated_margin(instrument_id)

    def move_margin(self, position_id: str, amount: float) -> bool:
        """Move cash to an isolated position, wherever it is; False where that can't be done."""
        key = PositionId(position_id)
        return any(liquidator.add_margin(key, amount) for liquidator in self._liquidators.values())
