"""Read raw web-socket captures of Binance into trades, quotes and books, in the order they were received."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from catalog.events import DepthColumns, QuoteColumns, TradeColumns
from catalog.model import F64, I64
from catalog.sources.order_book import BookUpdate, OrderBook
from catalog.sources.refusal import RefusedFileError
from errors import ConfigError

LEVELS_MAX = 1000

type _Levels = list[tuple[float, float]]
type _Id = Annotated[int, msgspec.Meta(ge=0)]


class _Depth(msgspec.Struct, frozen=True):
    symbol: str = msgspec.field(name="s")
    first_id: _Id = msgspec.field(name="U")
    last_id: _Id = msgspec.field(name="u")
    bids: _Levels = msgspec.field(name="b")
    asks: _Levels = msgspec.field(name="a")
    previous_id: int | None = msgspec.field(name="pu", default=None)


class _Quote(msgspec.Struct, frozen=True):
    symbol: str = msgspec.field(name="s")
    update_id: _Id = msgspec.field(name="u")
    bid_price: float = msgspec.field(name="b")
    bid_size: float = msgspec.field(name="B")
    ask_price: float = msgspec.field(name="a")
    ask_size: float = msgspec.field(name="A")


class _Trade(msgspec.Struct, frozen=True):
    symbol: str = msgspec.field(name="s")
    trade_ms: int = msgspec.field(name="T")
    price: float = msgspec.field(name="p")
    size: float = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")
    origin: str = msgspec.field(name="X", default="MARKET")


class _Envelope(msgspec.Struct, frozen=True):
    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    lastUpdateId: int | None = None  # noqa: N815 - the venue's name; only a snapshot has it
    bids: _Levels = []
    asks: _Levels = []


class Capture(NamedTuple):
    """
    What one instrument's capture holds.

    Attributes
    ----------
    symbol : str
        As the venue writes it.
    trades : TradeColumns
    quotes : QuoteColumns
    depth : DepthColumns
        One row an update after which both sides have a level, and one for the snapshot.
    breaks : int
        How often the chain of depth updates broke.
    skipped_trades : int
        Trades that were not market trades (insurance fund, liquidation against the venue's own account).

    """

    symbol: str
    trades: TradeColumns
    quotes: QuoteColumns
    depth: DepthColumns
    breaks: int
    skipped_trades: int


def read_captures(paths: Sequence[Path], *, levels: int = 20) -> Capture:
    """
    Read one or more captures, one after another, as one session.

    A line is ``<local receive time, ns since 1970> <JSON as received>``; gzip by its name. Known are the streams
    ``@depth`` (differences), ``@bookTicker`` and ``@trade``, and a REST depth snapshot standing alone. Times are the
    local receive times: venue and receiver have two clocks, and a decision knows only what was received.

    Parameters
    ----------
    paths : sequence of Path
        In the order they were recorded.
    levels : int
        Levels a side to keep of each book.

    Returns
    -------
    Capture
        Books are flagged until snapshot and updates have met, after a break of the chain, and always where there is
        no snapshot.

    Raises
    ------
    RefusedFileError
        If a line cannot be read, is of an unknown kind or of a second instrument, or lies before the line before it.
    ConfigError
        If there is no file, or `levels` is out of range.

    """
    if not paths:
        raise ConfigError("expected at least one capture")
    if not 1 <= levels <= LEVELS_MAX:
        raise ConfigError(f"levels must be from 1 to {LEVELS_MAX}, was {levels}")
    session = _Session(levels)
    for path in paths:
        for number, line in _lines(path):
            try:
                session.take(line)
            except (msgspec.DecodeError, ValueError) as error:
                raise RefusedFileError(path.name, str(error), place=f"line {number}") from None
    return session.capture()


class _Session:
    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._symbol: str | None = None
        self._received_ns = 0
        self._book = OrderBook()
        self._trades: list[tuple[int, int, float, float, float]] = []
        self._quotes: list[tuple[int, int, float, float, float, float]] = []
        self._depth_keys: list[tuple[int, int, bool]] = []
        self._depth_levels: list[float] = []
        self._skipped = 0
        self._envelope = msgspec.json.Decoder(_Envelope, strict=False)
        self._depth = msgspec.json.Decoder(_Depth, strict=False)
        self._quote = msgspec.json.Decoder(_Quote, strict=False)
        self._trade = msgspec.json.Decoder(_Trade, strict=False)

    def take(self, line: bytes) -> None:
        stamp, _, text = line.partition(b" ")
        if not stamp.isdigit() or not text:
            raise ValueError(f"expected a receive time and JSON, found {line[:40]!r}")
        received_ns = int(stamp)
        if received_ns < self._received_ns:
            raise ValueError(f"received at {received_ns}, before the line before it, {self._received_ns}")
        self._received_ns = received_ns
        message = self._envelope.decode(text)
        if message.lastUpdateId is not None:
            self._book.snapshot(message.lastUpdateId, message.bids, message.asks)
            self._record(message.lastUpdateId)
            return
        channel = "" if message.stream is None else message.stream.partition("@")[2].partition("@")[0]
        if channel == "depth":
            self._take_depth(self._depth.decode(message.data))
        elif channel == "bookTicker":
            quote = self._quote.decode(message.data)
            self._same(quote.symbol)
            self._quotes.append(
                (received_ns, quote.update_id, quote.bid_price, quote.bid_size, quote.ask_price, quote.ask_size)
            )
        elif channel == "trade":
            self._take_trade(self._trade.decode(message.data))
        else:
            raise ValueError(f"expected depth, bookTicker, trade or a snapshot, found {message.stream!r}")

    def capture(self) -> Capture:
        trades = np.array(self._trades, dtype=np.float64).reshape(-1, 5)
        quotes = np.array(self._quotes, dtype=np.float64).reshape(-1, 6)
        depth: F64 = np.array(self._depth_levels).reshape(-1, 4, self._levels)
        trade_times, quote_times, depth_times = (
            _whole(rows) for rows in (self._trades, self._quotes, self._depth_keys)
        )
        in_sync = np.array([key[2] for key in self._depth_keys], dtype=bool)
        price, size, side = (trades[:, column].copy() for column in (2, 3, 4))
        bid, bid_size, ask, ask_size = (quotes[:, column].copy() for column in (2, 3, 4, 5))
        bids, bid_sizes, asks, ask_sizes = (depth[:, part].copy() for part in range(4))
        return Capture(
            symbol=self._symbol or "",
            trades=TradeColumns(*trade_times, price, size, side),
            quotes=QuoteColumns(*quote_times, bid, bid_size, ask, ask_size),
            depth=DepthColumns(*depth_times, in_sync, bids, bid_sizes, asks, ask_sizes),
            breaks=self._book.breaks,
            skipped_trades=self._skipped,
        )

    def _take_depth(self, depth: _Depth) -> None:
        self._same(depth.symbol)
        previous_id = depth.first_id - 1 if depth.previous_id is None else depth.previous_id
        self._book.update(BookUpdate(depth.first_id, depth.last_id, previous_id, depth.bids, depth.asks))
        self._record(depth.last_id)

    def _take_trade(self, trade: _Trade) -> None:
        self._same(trade.symbol)
        if trade.origin != "MARKET":
            self._skipped += 1
            return
        side = -1.0 if trade.buyer_is_maker else 1.0
        self._trades.append((self._received_ns, trade.trade_ms * 10**6, trade.price, trade.size, side))

    def _record(self, update_id: int) -> None:
        top = self._book.top(self._levels)
        if top is None:
            return
        self._depth_keys.append((self._received_ns, update_id, self._book.in_sync))
        for side in top:
            empty = [0.0] * (self._levels - len(side))
            self._depth_levels += [price for price, _ in side] + empty
            self._depth_levels += [size for _, size in side] + empty

    def _same(self, symbol: str) -> None:
        if self._symbol is None:
            self._symbol = symbol
        elif symbol != self._symbol:
            raise ValueError(f"expected one instrument, found {self._symbol} and {symbol}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError) as error:
        raise RefusedFileError(path.name, f"cannot be read: {error}") from None


def _whole(rows: Sequence[tuple[int, int, *tuple[float, ...]]]) -> tuple[I64, I64]:
    # apart from the floats: nanoseconds since 1970 do not fit into a float64
    return np.array([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows], dtype=np.int64)
