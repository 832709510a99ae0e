"""Turn stored columns into the engine's events, in the one order that keeps a replay honest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from nautilus_trader.model.data import Bar, BarType, FundingRateUpdate, TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Instrument

from catalog.marks import MarkBar, as_engine_data
from catalog.model import BarColumns, FundingColumns


class Market(msgspec.Struct, frozen=True):
    """All that is replayed of one instrument: trade bars, and for a perpetual its mark bars and funding rates."""

    instrument_id: str
    bar: str
    bars: BarColumns
    marks: BarColumns | None = None
    funding: FundingColumns | None = None

    @property
    def bar_type(self) -> BarType:
        """The engine's name of these bars."""
        return BarType.from_str(f"{self.instrument_id}-{self.bar}-LAST-EXTERNAL")


class Feed(msgspec.Struct, frozen=True):
    """
    The engine's events of a run, one list a kind.

    Of events at one instant the engine keeps the order in which lists are added, so the order of the fields is the
    order of the world: what the mark price did in the interval, then the bar on which strategies decide, then the
    funding payment of that instant. The opening print of the next bar follows `offset_ns` later: before any order
    decided at the close can have travelled to the venue, which keeps such an order at the door until its instrument
    has printed. It then fills at the next open: neither at the close it was decided on nor a bar late.
    """

    marks: list[Any]
    bars: list[Bar]
    funding: list[FundingRateUpdate]
    opens: list[TradeTick]

    def __len__(self) -> int:
        return len(self.marks) + len(self.bars) + len(self.funding) + len(self.opens)


def build(markets: list[Market], instruments: dict[str, Instrument], bar_ns: int, offset_ns: int) -> Feed:
    """
    Make the events of all markets.

    Parameters
    ----------
    markets : list of Market
        Columns with bar CLOSE times.
    instruments : dict
        The engine's instruments by id, for precisions.
    bar_ns : int
        Length of a bar, ns.
    offset_ns : int
        Delay of the opening print after the bar's start; less than the order latency.

    Raises
    ------
    ValueError
        If the offset does not lie inside the bar.

    """
    if not 0 < offset_ns < bar_ns:
        raise ValueError(f"offset_ns must lie between 0 and the bar's {bar_ns}, was {offset_ns}")
    feed = Feed([], [], [], [])
    for market in markets:
        instrument = instruments[market.instrument_id]
        feed.marks.extend(_marks(market, instrument))
        feed.bars.extend(_bars(market, instrument))
        feed.funding.extend(_funding(market))
        feed.opens.extend(_opens(market, instrument, bar_ns, offset_ns))
    return feed


def _bars(market: Market, instrument: Instrument) -> list[Bar]:
    bars = market.bars
    times = bars.ts_ns.astype(np.uint64)
    return list(
        Bar.from_raw_arrays_to_list(
            market.bar_type,
            instrument.price_precision,
            instrument.size_precision,
            *(np.array(column) for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)),
            times,
            times.copy(),
        ),
    )


def _opens(market: Market, instrument: Instrument, bar_ns: int, offset_ns: int) -> list[TradeTick]:
    count = len(market.bars)
    times = (market.bars.ts_ns - bar_ns + offset_ns).astype(np.uint64)
    return list(
        TradeTick.from_raw_arrays_to_list(
            instrument.id,
            instrument.price_precision,
            instrument.size_precision,
            np.array(market.bars.open),
            np.full(count, instrument.size_increment.as_double()),
            np.full(count, AggressorSide.NO_AGGRESSOR.value, dtype=np.uint8),
            [f"O{index}" for index in range(count)],
            times,
            times.copy(),
        ),
    )


def _marks(market: Market, instrument: Instrument) -> list[Any]:
    if market.marks is None:
        return []
    price = instrument.make_price
    return [
        as_engine_data(MarkBar(instrument.id, price(open_), price(high), price(low), price(close), ts, ts))
        for ts, open_, high, low, close in zip(
            market.marks.ts_ns.tolist(),
            market.marks.open.tolist(),
            market.marks.high.tolist(),
            market.marks.low.tolist(),
            market.marks.close.tolist(),
            strict=True,
        )
    ]


def _funding(market: Market) -> list[FundingRateUpdate]:
    if market.funding is None:
        return []
    instrument_id = InstrumentId.from_str(market.instrument_id)
    return [
        FundingRateUpdate(instrument_id, Decimal(repr(rate)), ts, ts)
        for ts, rate in zip(market.funding.ts_ns.tolist(), market.funding.rate.tolist(), strict=True)
    ]
