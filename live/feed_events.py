"""What a replayed feed shows, in order: each event with its time at the source, and how it is made on arrival."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.instruments import Instrument

from catalog.bar_size import BarSize
from catalog.instruments import InstrumentSpec, Kind
from catalog.sources.captures import Capture, read_captures
from catalog.store.parquet import Catalog
from errors import ConfigError, PreconditionError
from live.feed_config import FeedConfig
from research.backtest import feed as feeds
from research.recording.codec import stamped
from research.venue.config import OPENING_PRINT_NS


class Event(NamedTuple):
    """One event: when it was at the source (ns since the epoch), and how it is made from `ts_init` and `ts_event`."""

    source_ns: int
    make: Callable[[int, int], Any]


class Feed(NamedTuple):
    """All events in order, the instruments' facts, and for which of them mark bars come."""

    events: list[Event]
    specs: tuple[InstrumentSpec, ...]
    marked: tuple[str, ...]


def load_feed(config: FeedConfig, catalog_root: Path) -> Feed:
    """
    Read what a feed will show.

    Parameters
    ----------
    config : FeedConfig
        Which data.
    catalog_root : Path
        The catalog; a capture needs of it only its instrument's facts, and takes the shipped ones where they are
        not there.

    Raises
    ------
    ConfigError
        If a capture shows another instrument than the configuration says.
    PreconditionError
        If there is no data in the period.

    """
    feed = _capture(config, catalog_root) if config.source == "capture" else _catalog(config, Catalog(catalog_root))
    if not feed.events:
        raise PreconditionError(f"the feed is empty: no data of {', '.join(config.instruments)} in that period")
    return feed


def _spec(catalog: Catalog, name: str) -> InstrumentSpec:
    from catalog.spec_files import shipped_spec

    there = catalog.specs().get(name)
    return there if there is not None else shipped_spec(name)


def _capture(config: FeedConfig, root: Path) -> Feed:
    spec = _spec(Catalog(root), config.instruments[0])
    capture = read_captures([Path(path) for path in config.paths], levels=config.book_levels)
    instrument = spec.instrument()
    if capture.symbol != instrument.raw_symbol.value:
        raise ConfigError(
            f"the capture shows {capture.symbol}, not {instrument.raw_symbol.value}", where="feed.instruments"
        )
    makers = {"quotes": _quotes, "depth": _depth, "trades": _trades}
    events = [event for name in makers if name in config.show for event in makers[name](capture, instrument)]
    start_ns, end_ns = config.start_ns, config.end_ns
    shown = [event for event in events if start_ns < event.source_ns <= end_ns]
    return Feed(sorted(shown, key=_source_ns), (spec,), ())


def _quotes(capture: Capture, instrument: Instrument) -> Iterator[Event]:
    columns, price, size = capture.quotes, instrument.make_price, instrument.make_qty
    prices = zip(columns.bid_price.tolist(), columns.ask_price.tolist(), strict=True)
    sizes = zip(columns.bid_size.tolist(), columns.ask_size.tolist(), strict=True)
    for ts_ns, (bid, ask), (bid_size, ask_size) in zip(columns.ts_ns.tolist(), prices, sizes, strict=True):
        values = (price(bid), price(ask), size(bid_size), size(ask_size))
        yield Event(ts_ns, partial(_made, QuoteTick, (instrument.id, *values)))


def _trades(capture: Capture, instrument: Instrument) -> Iterator[Event]:
    columns, price, size = capture.trades, instrument.make_price, instrument.make_qty
    sides = (AggressorSide.BUYER if side > 0 else AggressorSide.SELLER for side in columns.side.tolist())
    figures = zip(columns.price.tolist(), columns.size.tolist(), sides, strict=True)
    for number, (ts_ns, (paid, traded, side)) in enumerate(zip(columns.ts_ns.tolist(), figures, strict=True)):
        values = (price(paid), size(traded), side, TradeId(f"C{number}"))
        yield Event(ts_ns, partial(_made, TradeTick, (instrument.id, *values)))


def _made(kind: type[Any], values: tuple[Any, ...], ts_init: int, ts_event: int) -> Any:
    return kind(*values, ts_event, ts_init)


def _depth(capture: Capture, instrument: Instrument) -> Iterator[Event]:
    """Show the book after each change, whole: the levels beyond those kept are not known."""
    columns = capture.depth
    for row in np.flatnonzero(columns.in_sync).tolist():
        levels = [
            (side, price, size)
            for side, prices, sizes in (
                (OrderSide.BUY, columns.bid_price[row], columns.bid_size[row]),
                (OrderSide.SELL, columns.ask_price[row], columns.ask_size[row]),
            )
            for price, size in zip(prices.tolist(), sizes.tolist(), strict=True)
            if size > 0.0
        ]
        yield Event(int(columns.ts_ns[row]), partial(_book, instrument, levels))


def _book(
    instrument: Instrument, levels: list[tuple[OrderSide, float, float]], ts_init: int, ts_event: int
) -> OrderBookDeltas:
    snapshot = RecordFlag.F_SNAPSHOT.value
    deltas = [OrderBookDelta.clear(instrument.id, 0, ts_event, ts_init)]
    for number, (side, price, size) in enumerate(levels, start=1):
        order = BookOrder(side, instrument.make_price(price), instrument.make_qty(size), number)
        flags = snapshot | (RecordFlag.F_LAST.value if number == len(levels) else 0)
        deltas.append(OrderBookDelta(instrument.id, BookAction.ADD, order, flags, 0, ts_event, ts_init))
    return OrderBookDeltas(instrument.id, deltas)


def _catalog(config: FeedConfig, catalog: Catalog) -> Feed:
    size = BarSize.parse(config.bar or "")
    specs = {name: catalog.spec(name) for name in config.instruments}
    markets = []
    for name, spec in specs.items():
        bars = catalog.bars(name, str(size), config.start_ns, config.end_ns)
        marks = funding = None
        if spec.kind is Kind.USDM_PERP:
            marks = catalog.mark_bars(name, str(size), config.start_ns, config.end_ns)
            funding = catalog.funding(name, config.start_ns, config.end_ns)
        markets.append(
            feeds.Market(name, str(size), bars, marks if marks is not None and len(marks) else None, funding)
        )
    instruments = {name: spec.instrument() for name, spec in specs.items()}
    shown = feeds.build(markets, instruments, size.ns, OPENING_PRINT_NS)
    # the order of the lists is the order of the world at one instant, and sorting keeps it
    objects = [data for kind in (shown.marks, shown.bars, shown.funding, shown.opens) for data in kind]
    events = [Event(data.ts_init, partial(stamped, data)) for data in objects]
    marked = tuple(market.instrument_id for market in markets if market.marks is not None)
    return Feed(sorted(events, key=_source_ns), tuple(specs.values()), marked)


def _source_ns(event: Event) -> int:
    return event.source_ns
