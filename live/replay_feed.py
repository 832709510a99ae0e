"""A data client that replays: it shows what a capture or the catalog holds, at its pace, as if it arrived now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.live.config import LiveDataClientConfig
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.model.identifiers import ClientId, Venue

from live.feed_events import Event

_PATIENCE_NS = 1_000_000
_YIELD_EVERY = 64


class ReplayClientConfig(LiveDataClientConfig, frozen=True, kw_only=True):
    """
    What a replay client shows.

    `pace` is the market time that passes in a second. `next_ns` gives the stamp something would get that arrived now;
    `created` is told of the client, because the node keeps it to itself.
    """

    venue: str
    events: Any
    pace: float
    next_ns: Any
    created: Any


class ReplayDataClient(LiveMarketDataClient):
    """
    Show stored events in order, each at its time divided by the pace.

    Events are stamped with the instant at which they are shown, as `ts_init` and as `ts_event`; events that were of
    one instant at the source share its `ts_event`. So an alarm of 30 seconds is 30 seconds of real time, whatever the
    pace, and a bar carries the time at which it came. Events that are late are shown at once, never left out.

    Parameters
    ----------
    loop, msgbus, cache, clock : the node's own
    name : str
        The client's id.
    config : ReplayClientConfig
        What it shows.

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        name: str,
        config: ReplayClientConfig,
        msgbus: Any,
        cache: Any,
        clock: Any,
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(name),
            venue=Venue(config.venue),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            instrument_provider=InstrumentProvider(),
        )
        self.shown = 0
        self.late_ns_max = 0
        self._events: list[Event] = config.events
        self._pace = config.pace
        self._next_ns: Callable[[], int] = config.next_ns
        config.created(self)

    @property
    def total(self) -> int:
        """How many events there are."""
        return len(self._events)

    async def play(self) -> None:
        """Show everything, then return."""
        began_ns, first_ns = time.monotonic_ns(), self._events[0].source_ns
        source_ns = ts_event = 0
        for event in self._events:
            due_ns = began_ns + round((event.source_ns - first_ns) / self._pace)
            early_ns = due_ns - time.monotonic_ns()
            if early_ns > _PATIENCE_NS:
                await asyncio.sleep(early_ns / 1e9)
            else:
                self.late_ns_max = max(self.late_ns_max, -early_ns)
                if self.shown % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            ts_init = self._next_ns()
            if event.source_ns != source_ns:
                source_ns, ts_event = event.source_ns, ts_init
            self._handle_data(event.make(ts_init, ts_event))
            self.shown += 1

    async def _connect(self) -> None:
        return

    async def _disconnect(self) -> None:
        return

    # Everything is shown to everybody: a subscription changes nothing.

    async def _subscribed(self, command: Any) -> None:  # noqa: ARG002 (the signature is the engine's)
        return

    _subscribe = _subscribe_instrument = _subscribe_instruments = _subscribed
    _subscribe_bars = _subscribe_trade_ticks = _subscribe_quote_ticks = _subscribe_order_book_deltas = _subscribed
    _subscribe_mark_prices = _subscribe_funding_rates = _subscribed
    _unsubscribe = _unsubscribe_instrument = _unsubscribe_instruments = _subscribed
    _unsubscribe_bars = _unsubscribe_trade_ticks = _unsubscribe_quote_ticks = _unsubscribe_order_book_deltas = (
        _subscribed
    )
    _unsubscribe_mark_prices = _unsubscribe_funding_rates = _subscribed


class ReplayDataClientFactory(LiveDataClientFactory):
    """Make the replay client."""

    @staticmethod
    def create(
        loop: asyncio.AbstractEventLoop, name: str, config: Any, msgbus: Any, cache: Any, clock: Any
    ) -> ReplayDataClient:
        """Return a new client."""
        return ReplayDataClient(loop, name, config, msgbus, cache, clock)
