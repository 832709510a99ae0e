"""The fused directional strategy: judge each bar, enter with a bracket, leave by stop, target, time or a new view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide, PriceType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy

from errors import Bot4Error, PreconditionError
from risk.sizing import annual_volatility
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from strategies.library.equity import account_equity, cash_free
from strategies.library.fused_config import FusedConfig
from strategies.library.judge import BarFigures, Judge, Judgement, check_columns
from strategies.library.position_size import trade_size
from strategies.library.powers import StrategyPowers
from strategies.library.slot import Role, Slot, working
from strategies.models.schedule import ModelSchedule
from strategies.signals.fusion import FusedSignal, plan
from strategies.signals.learned import LearnedSignal

CASH_SHARE_MAX = 0.95
"""Share of a cash account's free balance an entry may spend; the rest is for fees and for the price moving."""


class FusedStrategy(Strategy):
    """
    Trade the fused signal of technical rules and model, per instrument at most one position and one order to open it.

    Each bar is judged at its close. A judgement of `entry_strength` or more opens a position with a bracket: a market
    entry, a stop and a target that only reduce. It ends at the stop, at the target, after `max_holding_bars`, or at a
    judgement of `exit_strength` for the other side; the other side is then entered at the next bar at the earliest.
    Positions are netted: the venue must use netting order management.

    What is true of orders and positions is read from the engine's events. A refused entry leaves the instrument flat; a
    position whose stop is refused or lost is closed at once; an exit that fails is repeated at each bar; stopping the
    strategy leaves the protective orders in place, and starting it takes up what it finds open.

    Parameters
    ----------
    config : FusedConfig
        Its configuration.

    """

    def __init__(self, config: FusedConfig) -> None:
        super().__init__(config)
        self.powers = config.powers()
        self.model_failure: str | None = None
        self._failure_listeners: list[Callable[[str], None]] = []
        self._bar_seconds: float = config.bar_types()[0].spec.timedelta.total_seconds()
        self._features = FeatureSet(config.features or DEFAULT_SPECS)
        check_columns(self._features, config.technical, config.volatility)
        self._learned: LearnedSignal | None = None
        self._slots: dict[BarType, Slot] = {}
        self._slot_of: dict[InstrumentId, Slot] = {}

    # -- powers and failures -----------------------------------------------------------------------------------

    def set_powers(self, powers: StrategyPowers) -> None:
        """
        Change what the control mode allows from the next bar on.

        Without signals the features go on and open positions are still led to their stop, target or time limit.
        Without the model it is not asked, and not even loaded: no judge holds one. A model that can't be read now is
        a failure like any other, told to the listeners, and no reason to stop.
        """
        self.powers = powers
        if not self._slot_of:
            return
        try:
            self._load_model()
        except Bot4Error as error:
            self._model_failed(str(error))
        self._bind_model()

    def ready_model(self) -> str | None:
        """
        Return why the model can't be used; None where it can, or none is set.

        This is what "models ready" asks before FullAuto. A model that is not there yet, or failed, is read anew and its
        failure forgotten; none is asked.
        """
        folder = self.config.model_folder
        healthy = self._learned is not None and self._learned.fits and self.model_failure is None
        if folder is None or healthy:
            return None
        self._learned = self.model_failure = None
        try:
            schedule = ModelSchedule.load(Path(folder))
            schedule.require_layout(self._features.layout_hash)
            self._learned = self._learned_of(schedule)
        except Bot4Error as error:
            self.model_failure = str(error)
        self._bind_model()
        return self.model_failure

    def on_model_failure(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with the reason when the model fails; the strategy then goes on without it."""
        self._failure_listeners.append(listener)

    def _model_failed(self, reason: str) -> None:
        self.model_failure = reason
        self.log.error(f"model failed, technical signals alone from here on: {reason}")
        for listener in self._failure_listeners:
            listener(reason)

    # -- life --------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Bind features and rules to each instrument, take up what is open, and ask for bars."""
        if not self._slot_of:
            for bar_type in self.config.bar_types():
                self._add_slot(bar_type)
        self._load_model()
        self._bind_model()
        for slot in self._slot_of.values():
            self._adopt(slot)
        for bar_type in self._slots:
            self.subscribe_bars(bar_type)

    def on_resume(self) -> None:
        """Take up what happened to positions and orders meanwhile."""
        for slot in self._slot_of.values():
            self._adopt(slot)

    def on_stop(self) -> None:
        """Leave positions with their protective orders at the venue."""

    def on_reset(self) -> None:
        """Forget everything but the configuration."""
        self.powers = self.config.powers()
        self.model_failure = None
        self._learned = None
        self._slots.clear()
        self._slot_of.clear()

    def judge_of(self, instrument: Instrument) -> Judge:  # noqa: ARG002  (a derived strategy may judge each differently)
        """Return a new judge for one instrument, without a model."""
        config: FusedConfig = self.config
        return Judge(self._features, config.technical, config.fusion, config.volatility)

    def _add_slot(self, bar_type: BarType) -> None:
        instrument = self.cache.instrument(bar_type.instrument_id)
        if instrument is None:
            raise PreconditionError(f"instrument {bar_type.instrument_id} is not in the engine's cache")
        self._slots[bar_type] = self._slot_of[instrument.id] = Slot(instrument, self.judge_of(instrument))

    def _load_model(self) -> None:
        """Load the schedule the first time the model may be used; all instruments share it."""
        folder = self.config.model_folder
        if folder is not None and self.powers.use_model and self._learned is None:
            self._learned = self._learned_of(ModelSchedule.load(Path(folder)))

    def _learned_of(self, schedule: ModelSchedule) -> LearnedSignal:
        return LearnedSignal(schedule, self._features.layout_hash, self.config.learned, on_failure=self._model_failed)

    def _bind_model(self) -> None:
        """Give the judges the model while the mode allows it, and take it away while it does not."""
        for slot in self._slot_of.values():
            slot.judge.learned = self._learned if self.powers.use_model else None

    def _adopt(self, slot: Slot) -> None:
        """Take up position and working orders as the engine's cache has them."""
        of_slot = {"instrument_id": slot.instrument.id, "strategy_id": self.id}
        for order in self.cache.orders_open(**of_slot) + self.cache.orders_inflight(**of_slot):
            slot.take(order)
        positions = self.cache.positions_open(**of_slot)
        if positions:
            slot.hold(positions[0].signed_qty, positions[0].quantity)
            self._protect(slot)
        elif slot.signed_quantity != 0.0:
            slot.flatten(self.config.cooldown_bars)

    # -- decisions ---------------------------------------------------------------------------------------------

    def on_bar(self, bar: Bar) -> None:
        """Judge one bar and act on it."""
        slot = self._slots[bar.bar_type]
        figures = BarFigures(
            bar.ts_event,
            bar.open.as_double(),
            bar.high.as_double(),
            bar.low.as_double(),
            bar.close.as_double(),
            bar.volume.as_double(),
        )
        slot.last_price = figures.close
        judgement: Judgement | None = None
        if self.powers.generate_signals and figures.ts_ns >= self.config.trade_from_ns:
            judgement = slot.judge.judge(figures, use_model=self.powers.use_model)
        else:
            slot.judge.observe(figures)
        if slot.signed_quantity != 0.0:
            slot.bars_held += 1
            self._lead(slot, judgement)
        elif not slot.waits() and judgement is not None and judgement.fused is not None:
            self._consider(slot, judgement, judgement.fused.strength)

    def _lead(self, slot: Slot, judgement: Judgement | None) -> None:
        """Leave an open position when it is time to."""
        limit = self.config.max_holding_bars
        against = 0.0
        if judgement is not None and judgement.fused is not None:
            against = -judgement.fused.strength if slot.signed_quantity > 0.0 else judgement.fused.strength
        if slot.closing or against >= self.config.exit_strength or 0 < limit <= slot.bars_held:
            self._leave(slot)

    def _consider(self, slot: Slot, judgement: Judgement, strength: float) -> None:
        """Enter a flat instrument when the judgement is strong enough and nothing is on its way."""
        if abs(strength) < self.config.entry_strength or slot.in_flight:
            return
        leftovers = slot.children
        if leftovers:
            # a venue that does not link orders leaves the other child of a closed position behind
            self._cancel(leftovers)
            return
        cash = cash_free(self.cache, slot.instrument)
        if strength < 0.0 and (cash is not None or not self.config.allow_short):
            return
        trade = self._plan(slot, judgement)
        if trade is not None:
            self._enter(slot, trade, judgement, cash)

    def _plan(self, slot: Slot, judgement: Judgement) -> FusedSignal | None:
        """Size the trade and set its stop and target; None where there is no size or no room for them."""
        fused, fusion, price = judgement.fused, self.config.fusion, slot.last_price
        if fused is None or not price > 0.0:
            return None
        size = trade_size(
            self.config.sizing,
            self.powers,
            strength=fused.strength,
            stop_distance=fusion.stop_atr * judgement.atr / price,
            payoff=fusion.payoff,
            fee_rate=float(slot.instrument.taker_fee),
            annual_volatility=annual_volatility(judgement.volatility, self._bar_seconds),
        )
        return plan(
            fused,
            judgement.technical,
            judgement.learned,
            fusion,
            price=price,
            atr=judgement.atr,
            size=size.fraction,
        )

    # -- orders ------------------------------------------------------------------------------------------------

    def _enter(self, slot: Slot, trade: FusedSignal, judgement: Judgement, cash: float | None) -> None:
        """Send the bracket of a plan, unless its size or its distances are below the instrument's increments."""
        instrument = slot.instrument
        quantity = self._quantity(slot, trade, cash)
        stop, target = instrument.make_price(trade.stop_loss), instrument.make_price(trade.take_profit)
        entry = instrument.make_price(trade.entry)
        if quantity is None or entry in (stop, target):
            return
        bracket = self.order_factory.bracket(
            instrument_id=instrument.id,
            order_side=OrderSide.BUY if trade.sign > 0 else OrderSide.SELL,
            quantity=quantity,
            sl_trigger_price=stop,
            tp_price=target,
            # a target the market has passed already is taken at once, not refused
            tp_post_only=False,
            entry_tags=[Role.ENTRY.value, trade.tag(judgement.parts)],
            sl_tags=[Role.STOP_LOSS.value],
            tp_tags=[Role.TAKE_PROFIT.value],
        )
        # kept before they are sent: a refusal may be told from within the call
        slot.entry, slot.stop, slot.target = bracket.orders
        slot.exit = None
        self.submit_order_list(bracket)

    def _quantity(self, slot: Slot, trade: FusedSignal, cash: float | None) -> Quantity | None:
        """Return the order quantity of a plan, rounded down; None where it is too small or equity is unknown."""
        equity = account_equity(self.cache, slot.instrument, self._price_of)
        if equity is None or not equity > 0.0:
            return None
        notional = trade.size * equity
        if cash is not None:
            notional = min(notional, CASH_SHARE_MAX * cash)
        smallest = slot.instrument.min_notional
        if smallest is not None and notional < smallest.as_double():
            return None
        raw = notional / trade.entry
        lot = slot.instrument.size_increment.as_double()
        least = slot.instrument.min_quantity
        if raw < (lot if least is None else max(lot, least.as_double())):
            return None
        return slot.instrument.make_qty(raw, round_down=True)

    def _price_of(self, instrument_id: InstrumentId) -> float | None:
        slot = self._slot_of.get(instrument_id)
        if slot is not None:
            return slot.last_price
        price: Price | None = self.cache.price(instrument_id, PriceType.LAST)
        return None if price is None else float(price.as_double())

    def _leave(self, slot: Slot) -> None:
        """Close a position: withdraw its children, and what is left of its entry, and send a reduce-only exit."""
        slot.closing = True
        if working(slot.exit) or slot.quantity is None:
            return
        # the children are linked, so that the first takes the other with it (a venue that does not link them needs the
        # engine's manage_contingent_orders); what is left after a failed exit is withdrawn with the next
        self._cancel([*slot.children[:1], slot.entry])
        slot.exit = self.order_factory.market(
            instrument_id=slot.instrument.id,
            order_side=OrderSide.SELL if slot.signed_quantity > 0.0 else OrderSide.BUY,
            quantity=slot.quantity,
            reduce_only=True,
            tags=[Role.EXIT.value],
        )
        self.submit_order(slot.exit)

    def _cancel(self, orders: Sequence[Order | None]) -> None:
        for order in orders:
            if order is not None and not order.is_closed and not order.is_pending_cancel:
                self.cancel_order(order)

    # -- what the engine reports -------------------------------------------------------------------------------

    def on_order_denied(self, event: Any) -> None:
        """Take a refusal by gate or risk engine."""
        self._order_ended(event)

    def on_order_rejected(self, event: Any) -> None:
        """Take a refusal by the venue."""
        self._order_ended(event)

    def on_order_canceled(self, event: Any) -> None:
        """Take a cancellation, asked for or not."""
        self._order_ended(event)

    def on_order_expired(self, event: Any) -> None:
        """Take an expiry."""
        self._order_ended(event)

    def _order_ended(self, event: Any) -> None:
        slot = self._slot_of.get(event.instrument_id)
        if slot is not None:
            self._protect(slot)

    def on_position_opened(self, event: Any) -> None:
        """Take note of a new position."""
        self._position_now(event)

    def on_position_changed(self, event: Any) -> None:
        """Take note of a larger or smaller position."""
        self._position_now(event)

    def on_position_closed(self, event: Any) -> None:
        """Take note that the position is gone: by stop, target, exit or liquidation."""
        slot = self._slot_of.get(event.instrument_id)
        if slot is not None:
            slot.flatten(self.config.cooldown_bars)

    def _position_now(self, event: Any) -> None:
        slot = self._slot_of.get(event.instrument_id)
        if slot is not None:
            slot.hold(event.signed_qty, event.quantity)
            self._protect(slot)

    def _protect(self, slot: Slot) -> None:
        """Close a position whose stop is not working (refused, withdrawn by somebody, expired) at once."""
        if slot.signed_quantity != 0.0 and not slot.closing and not working(slot.stop):
            self.log.warning(f"{slot.instrument.id}: position without a working stop, closing it")
            self._leave(slot)
