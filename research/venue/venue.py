"""Build the simulated venue: this package's models and modules in one engine venue, for a backtest or a paper node."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.accounting.margin_models import LeveragedMarginModel
from nautilus_trader.backtest.engine import BacktestEngine, SimulatedExchange
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.enums import AccountType, OmsType, OtoTriggerMode
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Venue
from nautilus_trader.model.objects import Currency, Money

from catalog.instruments import InstrumentSpec, Kind
from errors import ConfigError
from research.venue import assumptions
from research.venue.borrowing import BorrowingModule
from research.venue.config import VenueConfig
from research.venue.courier import courier_client
from research.venue.fees import ScheduleFeeModel, rates_of
from research.venue.funding import FundingModule
from research.venue.liquidation import Liquidator
from research.venue.player import BarPlayer
from research.venue.prices import Board
from research.venue.slippage import SlippageModel


class VenueHandles:
    """
    What a recorder may ask the venue; a module is None where the venue has no use for it.

    Parameters
    ----------
    config : VenueConfig
        As the venue was built.
    specs : sequence of InstrumentSpec
        Its instruments.
    board : Board
        Prices and open positions.
    player : BarPlayer
        Moves the market.
    fill_model, fee_model, funding, liquidation, borrowing
        The venue's parts.

    """

    def __init__(
        self,
        config: VenueConfig,
        specs: Sequence[InstrumentSpec],
        board: Board,
        player: BarPlayer,
        fill_model: SlippageModel,
        fee_model: ScheduleFeeModel,
        funding: FundingModule | None,
        liquidation: Liquidator | None,
        borrowing: BorrowingModule | None,
    ) -> None:
        self.config = config
        self.specs = tuple(specs)
        self.board = board
        self.player = player
        self.fill_model = fill_model
        self.fee_model = fee_model
        self.funding = funding
        self.liquidation = liquidation
        self.borrowing = borrowing

    def reference_price(self, client_order_id: ClientOrderId) -> float | None:
        """Return the price the venue showed for this order's latest fill; read it while handling the fill."""
        return self.fill_model.reference_price(client_order_id)

    def assumptions(self) -> list[str]:
        """Return what this venue assumes, in plain sentences for a report; ask after the run."""
        unmarked = [name for name, market in self.board.markets.items() if not market.marked]
        return assumptions.sentences(
            self.config,
            self.specs,
            unmarked=[name.value for name in unmarked],
            mark_fallbacks=self.board.mark_fallbacks,
            quoted=any(market.quoted for market in self.board.markets.values()),
            booked=any(market.book is not None for market in self.board.markets.values()),
        )


class Assembly(msgspec.Struct, frozen=True):
    """A venue's parts before an engine has them: what every engine is told, and the handles to ask later."""

    arguments: dict[str, Any]
    handles: VenueHandles
    account_type: AccountType


def add_venue(
    engine: BacktestEngine,
    venue_name: str,
    specs: Sequence[InstrumentSpec],
    config: VenueConfig,
    marked: Collection[str] = (),
    balances: Mapping[str, Decimal] | None = None,
) -> VenueHandles:
    """
    Add a simulated venue and its instruments to a backtest engine.

    Spot gets a cash account; margin and perpetuals a margin account, netting, with one settlement currency. The feed
    must show, for each bar of an instrument: one `TradeTick` with the open at the bar's opening plus
    `open_tick_offset_ns`, the `MarkBar` (if any) at its close, then the `Bar`, then a `FundingRateUpdate` due there.

    Parameters
    ----------
    engine : BacktestEngine
        Before its run.
    venue_name : str
        Such as ``BINANCE``; all specs must belong to it.
    specs : sequence of InstrumentSpec
        At least one, of one settlement currency, and either all spot or none.
    config : VenueConfig
        The user's choices.
    marked : collection of str
        Ids of the instruments for which mark bars will be fed.
    balances : mapping of str to Decimal, optional
        What the account holds at the start, exact, by currency; by default `config.starting_balance` in the
        settlement currency.

    Returns
    -------
    VenueHandles
        The venue's parts, for recorders and reports.

    Raises
    ------
    ConfigError
        If the instruments do not fit on one account, or the VIP schedule meets another kind than perpetuals.

    """
    assembly = _assemble(venue_name, specs, config, marked, balances)
    engine.add_venue(**assembly.arguments)
    kernel, handles = engine.kernel, assembly.handles
    exchange = handles.player.exchange
    kernel.exec_engine.deregister_client(exchange.exec_client)
    client = courier_client(
        exchange,
        exchange.send,
        config.latency_ns,
        handles.board,
        msgbus=kernel.msgbus,
        cache=kernel.cache,
        clock=kernel.clock,
    )
    kernel.exec_engine.register_client(client)
    for spec in specs:
        engine.add_instrument(spec.instrument())
    return handles


def build_exchange(
    venue_name: str,
    specs: Sequence[InstrumentSpec],
    config: VenueConfig,
    marked: Collection[str] = (),
    balances: Mapping[str, Decimal] | None = None,
    *,
    portfolio: Any,
    msgbus: Any,
    cache: Any,
    clock: Any,
) -> tuple[SimulatedExchange, VenueHandles]:
    """
    Build the same venue as `add_venue` outside a backtest engine, for a host that drives it itself.

    It processes each command at once (``use_message_queue=False``): the host queues them, and settles as the backtest
    engine does. It has no client yet; see `courier_client`. The other parameters are those of `add_venue`, and the
    engine's own parts.
    """
    assembly = _assemble(venue_name, specs, config, marked, balances)
    AccountFactory.register_calculated_account(venue_name)
    exchange = SimulatedExchange(
        **assembly.arguments,
        leverages={},
        portfolio=portfolio,
        msgbus=msgbus,
        cache=cache,
        clock=clock,
        oto_trigger_mode=OtoTriggerMode.PARTIAL,
        use_message_queue=False,
    )
    for spec in specs:
        exchange.add_instrument(spec.instrument())
    return exchange, assembly.handles


def _assemble(
    venue_name: str,
    specs: Sequence[InstrumentSpec],
    config: VenueConfig,
    marked: Collection[str],
    balances: Mapping[str, Decimal] | None,
) -> Assembly:
    currency, account_type = _check(venue_name, specs, config)
    venue = Venue(venue_name)
    ids = {spec.instrument_id: InstrumentId.from_str(spec.instrument_id) for spec in specs}
    board = Board({instrument_id: name in marked for name, instrument_id in ids.items()})
    fill_model = SlippageModel(board, config.slippage_bps, config.limit_fills)
    fee_model = ScheduleFeeModel(rates_of(specs, config.fees), Decimal(repr(config.liquidation.fee)), board)

    intervals_h = {ids[spec.instrument_id]: spec.funding_interval_h for spec in specs if spec.funding_interval_h}
    funding = FundingModule(venue, board, intervals_h, config.funding.missing) if intervals_h else None
    brackets = {ids[spec.instrument_id]: spec.brackets for spec in specs if spec.brackets}
    liquidation = borrowing = None
    if brackets and config.liquidation.enabled:
        liquidation = Liquidator(board, brackets, currency, config.leverage, config.margin_mode)
    if any(spec.kind is Kind.MARGIN for spec in specs):
        borrowing = BorrowingModule(venue, board, currency, config.borrow_rate_annual)

    player = BarPlayer(venue, board, liquidation, high_first=config.bar_path == "high_first")
    modules: list[SimulationModule | None] = [funding, borrowing, player]
    held = [Money(config.starting_balance, currency)]
    if balances is not None:
        held = [Money.from_decimal(amount, Currency.from_str(code)) for code, amount in balances.items()]
    arguments = {
        "venue": venue,
        "oms_type": OmsType.NETTING,
        "account_type": account_type,
        "starting_balances": held,
        "base_currency": None,
        "default_leverage": Decimal(repr(config.leverage)) if account_type == AccountType.MARGIN else Decimal(1),
        "margin_model": LeveragedMarginModel(),
        "modules": [module for module in modules if module is not None],
        "fill_model": fill_model,
        "fee_model": fee_model,
        "reject_stop_orders": config.stops_in_market == "reject",
        "use_reduce_only": True,
        "bar_execution": False,  # the player plays the bars
        "trade_execution": True,
    }
    handles = VenueHandles(config, specs, board, player, fill_model, fee_model, funding, liquidation, borrowing)
    return Assembly(arguments, handles, account_type)


def _check(venue_name: str, specs: Sequence[InstrumentSpec], config: VenueConfig) -> tuple[Currency, AccountType]:
    if not specs:
        raise ConfigError(f"venue {venue_name} has no instruments")
    strangers = [spec.instrument_id for spec in specs if spec.venue != venue_name]
    if strangers:
        raise ConfigError(f"not of venue {venue_name}: {', '.join(strangers)}")
    currencies = sorted({spec.settlement for spec in specs})
    if len(currencies) > 1:
        raise ConfigError(f"one account needs one settlement currency, {venue_name} would have {', '.join(currencies)}")
    kinds = {spec.kind for spec in specs}
    if Kind.SPOT in kinds and len(kinds) > 1:
        raise ConfigError(f"spot does not share an account with margin or perpetuals at {venue_name}")
    if config.fees.schedule == "vip" and kinds != {Kind.USDM_PERP}:
        raise ConfigError("the VIP schedule is for USD-M perpetuals; give other rates explicitly", where="venue.fees")
    account_type = AccountType.CASH if kinds == {Kind.SPOT} else AccountType.MARGIN
    return Currency.from_str(currencies[0]), account_type
