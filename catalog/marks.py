"""Mark price bars as an engine data type, and the one way they travel through the engine."""

from __future__ import annotations

from nautilus_trader.core.data import Data
from nautilus_trader.model.data import CustomData, DataType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price


class MarkBar(Data):  # type: ignore[misc]  # the engine ships no types
    """
    The mark price of one instrument over one bar.

    The engine's own bar type cannot carry it: the simulated venue would match orders against it.

    Parameters
    ----------
    instrument_id : InstrumentId
        The perpetual whose mark price this is.
    open, high, low, close : Price
        Mark prices in quote currency, at the instrument's precision.
    ts_event : int
        The bar's CLOSE time, ns since the epoch, equal to that of the trade bar of the same interval.
    ts_init : int
        When a replay delivers it; the same as `ts_event` in stored data.

    """

    __slots__ = ("_ts_event", "_ts_init", "close", "high", "instrument_id", "low", "open")

    def __init__(
        self,
        instrument_id: InstrumentId,
        open: Price,  # noqa: A002 - the domain's word, as in the engine's Bar
        high: Price,
        low: Price,
        close: Price,
        ts_event: int,
        ts_init: int,
    ) -> None:
        self.instrument_id = instrument_id
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self._ts_event = ts_event
        self._ts_init = ts_init

    @property
    def ts_event(self) -> int:
        """Return the bar's close time, ns since the epoch."""
        return self._ts_event

    @property
    def ts_init(self) -> int:
        """Return when a replay delivers the bar, ns since the epoch."""
        return self._ts_init

    def __repr__(self) -> str:
        return (
            f"MarkBar({self.instrument_id}, open={self.open}, high={self.high}, low={self.low}, "
            f"close={self.close}, ts_event={self._ts_event})"
        )


MARK_BAR = DataType(MarkBar)
"""What to subscribe to: ``self.subscribe_data(MARK_BAR, instrument_id=...)``."""


def as_engine_data(mark: MarkBar) -> CustomData:
    """Wrap a mark bar for ``BacktestEngine.add_data(..., client_id=...)``; handlers receive the bare `MarkBar`."""
    return CustomData(MARK_BAR, mark)


def mark_topic(instrument_id: InstrumentId) -> str:
    """Return the topic on which the data engine publishes this instrument's mark bars."""
    return f"data.MarkBar.{instrument_id.venue}.{instrument_id.symbol.topic()}"
