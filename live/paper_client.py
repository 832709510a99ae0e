"""The paper venue as an execution client: the backtest's venue, driven by what arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from decimal import Decimal
from typing import Any

from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.live.config import LiveExecClientConfig
from nautilus_trader.live.execution_client import LiveExecutionClient
from nautilus_trader.live.factories import LiveExecClientFactory
from nautilus_trader.model.data import Bar, OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.identifiers import AccountId, ClientId, Venue

from catalog.instruments import InstrumentSpec
from research.venue.config import VenueConfig
from research.venue.courier import courier_client
from research.venue.venue import build_exchange


class PaperClientConfig(LiveExecClientConfig, frozen=True, kw_only=True):
    """
    What the paper venue is.

    `balances` is what the wallet holds at the start, exact, by currency; `marked` names the instruments for which
    mark bars will come. `created` is told of the client, because the node keeps it to itself.
    """

    venue: str
    specs: tuple[InstrumentSpec, ...]
    settings: VenueConfig
    balances: dict[str, Decimal]
    created: Any
    marked: tuple[str, ...] = ()


class PaperExecutionClient(LiveExecutionClient):
    """
    Fill orders at a simulated venue that has all the parts of the backtest's: courier, fees, funding, liquidation.

    Orders go to the venue's own client, whose courier brings them after the latency, by an alarm on the sequenced
    clock. What arrived is processed when the sequencer settles, like the backtest engine does it.

    Parameters
    ----------
    loop, portfolio, msgbus, cache, clock : the node's own
    config : PaperClientConfig
        The venue.

    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        portfolio: Any,
        msgbus: Any,
        cache: Any,
        clock: Any,
        config: PaperClientConfig,
    ) -> None:
        engine = {"msgbus": msgbus, "cache": cache, "clock": clock}
        self.exchange, self.handles = build_exchange(
            config.venue,
            config.specs,
            config.settings,
            config.marked,
            config.balances,
            portfolio=portfolio,
            **engine,
        )
        super().__init__(
            loop=loop,
            client_id=ClientId(config.venue),
            venue=Venue(config.venue),
            oms_type=self.exchange.oms_type,
            account_type=self.exchange.account_type,
            base_currency=None,
            instrument_provider=InstrumentProvider(),
            **engine,
        )
        self._set_account_id(AccountId(f"{config.venue}-001"))
        self._arrived: deque[Any] = deque()
        board, latency_ns = self.handles.board, config.settings.latency_ns
        self._inner = courier_client(self.exchange, self._arrived.append, latency_ns, board, **engine)
        config.created(self)
        self._matching = list(self.exchange.get_matching_engines().values())
        self._shows = {
            QuoteTick: self.exchange.process_quote_tick,
            TradeTick: self.exchange.process_trade_tick,
            Bar: self.exchange.process_bar,
            OrderBookDelta: self.exchange.process_order_book_delta,
            OrderBookDeltas: self.exchange.process_order_book_deltas,
        }

    # -- driven by the sequencer ---------------------------------------------------------------------------------

    def show(self, data: Any) -> None:
        """Match orders against what came; kinds that do not move a market pass."""
        process = self._shows.get(type(data))
        if process is not None:
            process(data)

    def settle(self, ts_ns: int) -> None:
        """Process the commands that arrived and what they lead to, then let the venue's modules do their part."""
        while self._arrived:
            while self._arrived:
                self.exchange.send(self._arrived.popleft())
            for engine in self._matching:
                engine.iterate(ts_ns)
        self.exchange.process(ts_ns)

    # -- as the node's client ------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        self.exchange.initialize_account()

    async def _disconnect(self) -> None:
        return

    def submit_order(self, command: Any) -> None:
        """Send an order on its way."""
        self._inner.submit_order(command)

    def submit_order_list(self, command: Any) -> None:
        """Send orders on their way, together."""
        self._inner.submit_order_list(command)

    def modify_order(self, command: Any) -> None:
        """Send a change on its way."""
        self._inner.modify_order(command)

    def cancel_order(self, command: Any) -> None:
        """Send a cancel on its way."""
        self._inner.cancel_order(command)

    def cancel_all_orders(self, command: Any) -> None:
        """Send a cancel of all orders on its way."""
        self._inner.cancel_all_orders(command)

    def batch_cancel_orders(self, command: Any) -> None:
        """Send several cancels on their way, together."""
        self._inner.batch_cancel_orders(command)

    # A paper venue dies with its process: there is nothing to report that the node does not know.

    async def generate_order_status_report(self, command: Any) -> None:  # noqa: ARG002 (the signature is the engine's)
        """Report nothing."""
        return

    async def generate_order_status_reports(self, command: Any) -> list[Any]:  # noqa: ARG002
        """Report nothing."""
        return []

    async def generate_fill_reports(self, command: Any) -> list[Any]:  # noqa: ARG002
        """Report nothing."""
        return []

    async def generate_position_status_reports(self, command: Any) -> list[Any]:  # noqa: ARG002
        """Report nothing."""
        return []


class SandboxLiveExecClientFactory(LiveExecClientFactory):
    """Make the paper client; the node hands the portfolio only to a factory of this name."""

    @staticmethod
    def create(  # type: ignore[override]  # the node adds `portfolio` for a factory of this name
        loop: asyncio.AbstractEventLoop,
        name: str,  # noqa: ARG004 (the signature is the engine's)
        config: PaperClientConfig,
        portfolio: Any,
        msgbus: Any,
        cache: Any,
        clock: Any,
    ) -> PaperExecutionClient:
        """Return a new client."""
        return PaperExecutionClient(
            loop=loop, portfolio=portfolio, msgbus=msgbus, cache=cache, clock=clock, config=config
        )
