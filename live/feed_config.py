"""What a replayed feed is: where its data comes from, which part of it, and how fast it runs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from catalog.bar_size import BarSize
from errors import ConfigError
from research.period import instant_ns

SPEED_MAX: Final = 20.0

type Shown = Literal["trades", "quotes", "depth"]


class FeedConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A replayed feed: ``[feed]``.

    Parameters
    ----------
    source : "capture" or "catalog"
        Raw web-socket captures of one Binance instrument, or bars, mark bars and funding of the catalog.
    instruments : tuple of str
        Such as ``BTCUSDT-PERP.BINANCE``; a capture shows exactly one.
    paths : tuple of str
        The captures, in the order they were recorded.
    show : tuple of "trades", "quotes", "depth"
        What of a capture is shown.
    book_levels : int
        Levels a side of a capture's depth.
    bar : str or None
        Size of the catalog's bars, such as ``1-MINUTE``.
    start, end : str or None
        ISO 8601 dates or instants in UTC; a capture needs none.
    speed : float
        Market time that passes in a second. Data keeps its order and is stamped with the time it arrives here.
    bar_seconds : float or None
        For bars, instead of `speed`: seconds from one to the next.
    at_end : "stop" or "wait"
        What the node does when the feed is over.

    """

    source: Literal["capture", "catalog"]
    instruments: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
    paths: tuple[str, ...] = ()
    show: tuple[Shown, ...] = ("trades", "quotes")
    book_levels: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    bar: str | None = None
    start: str | None = None
    end: str | None = None
    speed: float = 1.0
    bar_seconds: Annotated[float, msgspec.Meta(ge=0.01, le=86_400.0)] | None = None
    at_end: Literal["stop", "wait"] = "stop"

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if not 1.0 <= self.speed <= SPEED_MAX:
            raise ValueError(
                f"speed must lie between 1 and {SPEED_MAX:g}, was {self.speed:g}: a node's clock is real time, so "
                "while the market is hurried orders still take their real latency, and fills become those of another "
                "market; to go faster, run a backtest"
            )
        if self.start is not None and self.end is not None and not self.start_ns < self.end_ns:
            raise ValueError(f"start must lie before end, were {self.start!r} and {self.end!r}")
        if self.source == "capture":
            self._check_capture()
        else:
            self._check_catalog()

    def _check_capture(self) -> None:
        if len(self.instruments) != 1:
            raise ValueError(f"a capture shows one instrument, instruments were {list(self.instruments)}")
        if not self.paths:
            raise ValueError("a capture needs paths")
        if not self.show or len(set(self.show)) != len(self.show):
            raise ValueError(f"show must name each of trades, quotes and depth at most once, was {list(self.show)}")
        if self.bar is not None or self.bar_seconds is not None:
            raise ValueError('bar and bar_seconds belong to source = "catalog"')

    def _check_catalog(self) -> None:
        if self.bar is None or self.start is None or self.end is None:
            raise ValueError("a feed from the catalog needs bar, start and end")
        if self.paths:
            raise ValueError('paths belong to source = "capture"')
        if self.bar_seconds is not None and self.speed != 1.0:
            raise ValueError("speed and bar_seconds say the same thing: give one of them")
        try:
            msgspec.structs.force_setattr(self, "bar", str(BarSize.parse(self.bar)))
        except ConfigError as error:
            raise ValueError(error.reason) from None

    @property
    def start_ns(self) -> int:
        """First instant of the source that is shown, ns since the epoch; 0 for its beginning."""
        return 0 if self.start is None else instant_ns("start", self.start)

    @property
    def end_ns(self) -> int:
        """Last instant of the source that is shown, ns since the epoch."""
        return (1 << 62) if self.end is None else instant_ns("end", self.end, end_of_day=True)

    @property
    def pace(self) -> float:
        """Market time that passes in a second of real time."""
        if self.bar is None or self.bar_seconds is None:
            return self.speed
        return BarSize.parse(self.bar).ns / (self.bar_seconds * 1e9)
