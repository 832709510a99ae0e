"""The order of thought, and what must hold for any order, any account and any limits."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from risk.intent import Action, Intent, Origin, Side
from risk.limits import (
    ConcurrentPositionsConfig,
    CorrelationLimitConfig,
    DailyLossLimitConfig,
    DrawdownLimitConfig,
    DuplicateConfig,
    KellyLimitConfig,
    LeverageLimitConfig,
    LimitsConfig,
    MarginLimitConfig,
    OrderRateConfig,
    PositionBasis,
    PositionLimitConfig,
    PriceCollarConfig,
    ValueAtRiskLimitConfig,
)
from risk.measures.portfolio import PortfolioRisk
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.verdict import Approved, Basis, Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, CASH, ETH, LOT, NOW, SECOND, buy, by_hand, facts, filled, order, sell, sent, world

DEFAULT = Ruleset(LimitsConfig())
MODES_FROM_FREE_TO_STRICT = (Mode.FULL_AUTO, Mode.SEMI_AUTO, Mode.MANUAL, Mode.EMERGENCY)

prices = st.floats(50.0, 200.0)
lots = st.integers(1, 400_000).map(lambda count: round(count * LOT, 3))

limits = st.builds(
    LimitsConfig,
    position=st.builds(
        PositionLimitConfig,
        basis=st.sampled_from(PositionBasis),
        max=st.floats(0.001, 1.0),
        stop_distance_assumed=st.floats(0.01, 1.0),
        slippage_bps=st.floats(0.0, 50.0),
    ),
    leverage=st.builds(LeverageLimitConfig, max=st.floats(0.1, 10.0)),
    daily_loss=st.builds(DailyLossLimitConfig, max=st.floats(0.001, 1.0)),
    drawdown=st.builds(DrawdownLimitConfig, max=st.floats(0.001, 1.0)),
    collar=st.builds(PriceCollarConfig, deviation_bps_max=st.floats(0.0, 10_000.0)),
    concurrent=st.builds(ConcurrentPositionsConfig, positions_max=st.integers(1, 20)),
    margin=st.builds(MarginLimitConfig, reserve=st.floats(0.0, 0.9)),
    duplicate=st.builds(DuplicateConfig, window_s=st.floats(0.1, 100.0)),
    rate=st.builds(OrderRateConfig, orders_max=st.integers(1, 50), window_s=st.floats(0.1, 100.0)),
    kelly=st.builds(KellyLimitConfig, max=st.floats(0.01, 0.25)),
    value_at_risk=st.builds(
        ValueAtRiskLimitConfig, max=st.floats(0.01, 1.0), cvar_max=st.none() | st.floats(0.01, 1.0)
    ),
    correlation=st.builds(CorrelationLimitConfig, max=st.floats(0.1, 10.0)),
)
orders = st.builds(
    order,
    side=st.sampled_from(Side),
    quantity=lots,
    price=st.none() | prices,
    trigger_price=st.none() | prices,
    stop_price=st.none() | prices,
    confidence=st.none() | st.floats(0.0, 1.0),
    kelly_fraction=st.none() | st.floats(0.0, 0.5),
    reduce_only=st.booleans(),
    instrument=st.sampled_from([BTC, ETH]),
    client_order_id=st.sampled_from(["A", "B", "C", "D"]),
    parent_id=st.none() | st.sampled_from(["A", "B"]),
    origin=st.sampled_from(Origin),
    operator=st.none() | st.just("op-7"),
    reason=st.none() | st.just("hedge"),
    action=st.sampled_from(Action),
)
"""Any well-formed order, sensible or not."""


@st.composite
def views(draw: st.DrawFn, mode: Mode | None = None) -> View:
    """Return any account with known figures: gains or losses, positions, working orders, orders sent before."""
    view = View(mode=mode or draw(st.sampled_from(Mode)), cash=CASH, ts_ns=NOW - SECOND)
    view.portfolio = PortfolioRisk(ValueAtRiskLimitConfig(), CorrelationLimitConfig())
    for name in (BTC, ETH):
        view.set_facts(facts(name, taker_fee=draw(st.sampled_from([0.0, 0.0005]))))
        view.apply_mark(name, draw(prices), NOW - SECOND)
        quantity = draw(st.integers(-100_000, 100_000)) * LOT
        view.apply_position(name, round(quantity, 3), draw(prices))
    for intent in draw(st.lists(orders, max_size=3)):
        sent(view, intent)
    view.advance(NOW)
    view.apply_cash(draw(st.floats(CASH / 2, CASH * 2)))
    return view


def approved(verdict: Approved | Refusal) -> bool:
    return isinstance(verdict, Approved)


def code(verdict: Approved | Refusal) -> Reason | Basis:
    return verdict.basis if isinstance(verdict, Approved) else verdict.reason


# -- what only reduces ------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(views(), limits, st.floats(0.0, 1.0), st.booleans(), st.sampled_from(Origin))
def test_a_command_that_only_reduces_is_never_refused(
    view: View, config: LimitsConfig, share: float, flagged: bool, origin: Origin
) -> None:
    position = view.position(BTC)
    assume(position is not None)
    assert position is not None
    side = Side.SELL if position.signed_quantity > 0 else Side.BUY
    book = view.book(BTC)
    assert book is not None
    pending, _ = book.side(side.sign)
    size = abs(position.signed_quantity) if flagged else book.closable(side.sign) - pending
    quantity = share * size
    assume(quantity > 0.0)

    verdict = Ruleset(config).decide(order(side, quantity, reduce_only=flagged, origin=origin), view)

    assert verdict == Approved(Basis.REDUCES)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("broken", ["cash", "mark", "other position"])
def test_a_close_passes_in_every_mode_even_where_the_accounts_figures_are_broken(mode: Mode, broken: str) -> None:
    view = world(mode)
    view.apply_position(BTC, 1.0, 100.0)
    if broken == "cash":
        view.apply_cash(math.nan)
    elif broken == "mark":
        view.apply_mark(BTC, math.nan, NOW)
    else:
        view.apply_position(ETH, math.nan, 1.0)

    assert code(DEFAULT.decide(sell(1.0), view)) is Basis.REDUCES
    assert code(DEFAULT.decide(sell(1.0, reduce_only=True, confidence=math.nan), view)) is Basis.REDUCES


def test_a_close_is_not_stopped_by_rate_or_duplicate() -> None:
    rules = Ruleset(LimitsConfig(rate=OrderRateConfig(orders_max=1)))
    view = world()
    view.apply_position(BTC, 1.0, 100.0)
    for _ in range(5):
        view.record_submit(sell(0.1))

    assert code(rules.decide(sell(0.1), view)) is Basis.REDUCES


# -- what adds risk ---------------------------------------------------------------------------------------------------


def test_a_plain_entry_within_all_limits_is_approved() -> None:
    assert DEFAULT.decide(buy(10.0, stop_price=96.0), world()) == Approved(Basis.LIMITS)


@settings(max_examples=200)
@given(views(mode=Mode.EMERGENCY), limits, orders)
def test_emergency_approves_no_order_that_opens(view: View, config: LimitsConfig, intent: Intent) -> None:
    verdict = Ruleset(config).decide(intent, view)

    assert code(verdict) is not Basis.LIMITS
    if code(verdict) is Basis.PARENT:
        assert intent.reduce_only


@settings(max_examples=200)
@given(views(mode=Mode.MANUAL), limits, orders)
def test_manual_approves_no_automated_order_that_adds_risk(view: View, config: LimitsConfig, intent: Intent) -> None:
    verdict = Ruleset(config).decide(msgspec.structs.replace(intent, origin=Origin.AUTOMATED), view)

    assert code(verdict) is not Basis.LIMITS


@settings(max_examples=300)
@given(views(), limits, orders, st.data())
def test_widening_a_limit_never_refuses_more(
    view: View, config: LimitsConfig, intent: Intent, data: st.DataObject
) -> None:
    wider: dict[str, Any] = {
        "position.max": lambda value: min(1.0, value * 2),
        "leverage.max": lambda value: value * 2,
        "daily_loss.max": lambda value: min(1.0, value * 2),
        "drawdown.max": lambda value: min(1.0, value * 2),
        "collar.deviation_bps_max": lambda value: min(10_000.0, value * 2 + 1),
        "concurrent.positions_max": lambda value: min(20, value + 1),
        "margin.reserve": lambda value: value / 2,
        "duplicate.window_s": lambda value: value / 2,
        "rate.orders_max": lambda value: value + 1,
        "rate.window_s": lambda value: value / 2,
        "position.slippage_bps": lambda value: value / 2,
        "position.stop_distance_assumed": lambda value: value / 2,
        "kelly.max": lambda value: min(0.25, value * 2),
        "value_at_risk.max": lambda value: min(1.0, value * 2),
        "correlation.max": lambda value: value * 2,
    }
    name = data.draw(st.sampled_from(sorted(wider)))
    section, field = name.split(".")
    part = getattr(config, section)
    widened = msgspec.structs.replace(part, **{field: wider[name](getattr(part, field))})

    if approved(Ruleset(config).decide(intent, view)):
        assert approved(Ruleset(msgspec.structs.replace(config, **{section: widened})).decide(intent, view))


@settings(max_examples=100)
@given(views(), limits, orders, st.sampled_from(LimitsConfig.__struct_fields__))
def test_switching_a_limit_off_never_refuses_more(
    view: View, config: LimitsConfig, intent: Intent, section: str
) -> None:
    off = msgspec.structs.replace(getattr(config, section), enabled=False)

    if approved(Ruleset(config).decide(intent, view)):
        assert approved(Ruleset(msgspec.structs.replace(config, **{section: off})).decide(intent, view))


@settings(max_examples=300)
@given(views(), limits, orders)
def test_a_more_restrictive_mode_approves_a_subset(view: View, config: LimitsConfig, intent: Intent) -> None:
    rules = Ruleset(config)
    verdicts = []
    for mode in MODES_FROM_FREE_TO_STRICT:
        view.apply_mode(mode)
        verdicts.append(approved(rules.decide(intent, view)))

    assert verdicts == sorted(verdicts, reverse=True)


@settings(max_examples=100)
@given(views(), limits, orders)
def test_deciding_changes_nothing(view: View, config: LimitsConfig, intent: Intent) -> None:
    def figures() -> tuple[object, ...]:
        working = [view.working(name) for name in "ABCD"]
        return (
            view.equity,
            view.working_notional,
            view.margin_used,
            view.committed_positions,
            working,
            len(view._budgets),
        )

    rules = Ruleset(config)
    before = figures()
    first = rules.decide(intent, view)
    fresh = msgspec.structs.replace(intent, client_order_id="fresh", parent_id=None)
    rules.decide_list([fresh, intent], view)

    assert figures() == before
    assert rules.decide(intent, view) == first


# -- numbers that are none --------------------------------------------------------------------------------------------

NOT_NUMBERS = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize("field", ["quantity", "price", "trigger_price", "stop_price", "confidence", "kelly_fraction"])
def test_no_number_in_an_intent_refuses_an_increase(field: str, bad: float) -> None:
    intent = msgspec.structs.replace(buy(1.0, stop_price=96.0), **{field: bad})

    assert code(DEFAULT.decide(intent, world())) is Reason.NOT_A_NUMBER


def broken_views(bad: float) -> dict[str, View]:
    broken = {name: world() for name in ("cash", "mark", "position", "entry", "other", "order")}
    broken["cash"].apply_cash(bad)
    broken["mark"].apply_mark(BTC, bad, NOW)
    broken["position"].apply_position(BTC, bad, 100.0)
    broken["entry"].apply_position(BTC, 1.0, bad)
    broken["other"].set_facts(facts(ETH))
    broken["other"].apply_mark(ETH, bad, NOW)
    broken["other"].apply_position(ETH, 1.0, 100.0)
    broken["order"].apply_working("W", BTC, bad, 100.0, reduce_only=False)
    return broken


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize("place", broken_views(math.nan))
def test_no_number_in_the_view_refuses_an_increase(place: str, bad: float) -> None:
    assert isinstance(DEFAULT.decide(buy(1.0, stop_price=96.0), broken_views(bad)[place]), Refusal)


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize("field", ["size_increment", "notional_min", "taker_fee", "leverage"])
def test_no_number_can_be_a_fact(field: str, bad: float) -> None:
    with pytest.raises(ValueError, match=r"size_increment|leverage"):
        facts(**{field: bad})


# -- lists ------------------------------------------------------------------------------------------------------------


def bracket(quantity: float, child_quantity: float) -> list[Intent]:
    entry = buy(quantity, stop_price=96.0)
    family = {"reduce_only": True, "parent_id": entry.client_order_id}
    return [
        entry,
        sell(child_quantity, trigger_price=96.0, order_type="STOP_MARKET", **family),
        sell(child_quantity, price=108.0, order_type="LIMIT", **family),
    ]


def test_a_bracket_passes_with_its_entry() -> None:
    assert DEFAULT.decide_list(bracket(10.0, 10.0), world()) == Approved(Basis.LIMITS)


def test_a_bracket_is_refused_for_its_entrys_reason() -> None:
    assert code(DEFAULT.decide_list(bracket(100.0, 100.0), world())) is Reason.POSITION_LIMIT_EXCEEDED
    assert code(DEFAULT.decide_list(bracket(1.0, 1.0), world(Mode.MANUAL))) is Reason.MODE_FORBIDS


def test_a_bracket_whose_children_are_larger_than_the_entry_is_refused() -> None:
    assert code(DEFAULT.decide_list(bracket(10.0, 10.0 + LOT), world())) is Reason.BUDGET_EXCEEDED


def test_entries_of_one_list_share_the_limits() -> None:
    half = [buy(11.0, price=price) for price in (100.0, 99.0)]

    assert approved(DEFAULT.decide(half[0], world()))
    assert code(DEFAULT.decide_list(half, world())) is Reason.POSITION_LIMIT_EXCEEDED


def test_a_list_of_reductions_reduces() -> None:
    view = world()
    view.apply_position(BTC, 1.0, 100.0)

    assert DEFAULT.decide_list([sell(0.5), sell(0.5, reduce_only=True)], view) == Approved(Basis.REDUCES)


def test_an_empty_list_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        DEFAULT.decide_list([], world())


@pytest.mark.parametrize(
    ("mode", "waits"), [(Mode.MANUAL, False), (Mode.SEMI_AUTO, True), (Mode.FULL_AUTO, False), (Mode.EMERGENCY, False)]
)
def test_only_semi_auto_asks_an_operator_and_only_for_automated_orders(mode: Mode, waits: bool) -> None:
    assert DEFAULT.needs_approval(buy(1.0), world(mode)) is waits
    assert DEFAULT.needs_approval(by_hand(buy(1.0)), world(mode)) is False


# -- sequences --------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.sampled_from([BTC, ETH]),
        lots,
        st.sampled_from([None, 96.0, 104.0]),
        st.sampled_from(["fill", "leave", "cancel"]),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(steps, st.sampled_from([Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO]))
def test_no_sequence_of_approvals_and_fills_exceeds_leverage_or_position_limits(
    moves: list[tuple[Side, str, float, float | None, str]], mode: Mode
) -> None:
    distance = 0.1
    rules = Ruleset(LimitsConfig(position=PositionLimitConfig(slippage_bps=0.0, stop_distance_assumed=distance)))
    view = world(mode)
    view.set_facts(facts(ETH))
    view.apply_mark(ETH, 100.0, NOW)
    resting: list[Intent] = []
    for number, (side, name, quantity, stop, fate) in enumerate(moves):
        changes = {"instrument": name, "stop_price": stop, "ts_ns": NOW + 60 * SECOND * number}
        intent = by_hand(order(side, quantity, **changes))
        if not approved(rules.decide(intent, view)):
            continue
        sent(view, intent)
        if fate == "fill":
            filled(view, intent)
        elif fate == "cancel":
            view.remove_working(intent.client_order_id, unfilled=quantity)
        else:
            resting.append(intent)
        if fate == "fill" and resting:
            filled(view, resting.pop(0))

        leverage = min(3.0, view.powers.leverage_max)
        assert view.exposure_notional + view.working_notional <= leverage * CASH * (1 + 1e-9)
        assert view.exposure_notional <= leverage * view.equity * (1 + 1e-9)
        for each in (BTC, ETH):
            position = view.position(each)
            size = 0.0 if position is None else abs(position.signed_quantity) * 100.0
            # nothing rests to protect it here, so what was approved with a stop of 4 % is the least strict case
            assert size * 0.04 <= 0.02 * view.powers.risk_multiplier * CASH * (1 + 1e-9)


@given(st.lists(st.tuples(lots, st.booleans()), max_size=20))
def test_children_of_an_approved_order_never_add_up_to_more(asked: list[tuple[float, bool]]) -> None:
    rules = Ruleset(LimitsConfig(position=PositionLimitConfig(enabled=False)))
    view = world()
    parent = sent(view, buy(100.0))
    drawn = {True: 0.0, False: 0.0}
    for number, (quantity, is_slice) in enumerate(asked):
        changes = {"parent_id": parent.client_order_id, "ts_ns": NOW + 60 * SECOND * number}
        child = buy(quantity, **changes) if is_slice else sell(quantity, price=110.0, reduce_only=True, **changes)
        if approved(rules.decide(child, view)):
            sent(view, child)
            drawn[is_slice] += quantity

    assert max(drawn.values()) <= 100.0 + LOT / 2
