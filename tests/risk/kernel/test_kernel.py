"""The compiled kernel says what the rules say, figure by figure, and refuses whatever is no number."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.barriers import Barrier, Level, Source
from risk.intent import Action, Intent, Origin, Side
from risk.kernel.figures import Figures, figures_of, instrument_of, verdict_code
from risk.kernel.judge import judge
from risk.kernel.layout import BRACKETS_MAX, BUDGET_HELD, CODES, NEVER, ORDER
from risk.limits import (
    ConcurrentPositionsConfig,
    CorrelationLimitConfig,
    DailyLossLimitConfig,
    DrawdownBase,
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
    RiskMethod,
    ValueAtRiskLimitConfig,
)
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.verdict import Basis, Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, CASH, ETH, LOT, NOW, SECOND, Step, buy, by_hand, facts, order, sell, sent

HOUR = 3_600 * SECOND
UNKNOWN = "DOGEUSDT-PERP.BINANCE"
SELDOM_OFF = st.sampled_from([True, True, True, False])
prices = st.floats(90.0, 110.0)
odd_prices = prices | st.sampled_from([math.nan, math.inf, 0.0, 1.0])
lots = st.integers(1, 60_000).map(lambda count: round(count * LOT, 3))
rising_steps = (Step(0.0, 8_000.0, 0.01, 0.0, 20.0), Step(8_000.0, 40_000.0, 0.02, 80.0, 5.0))


def configs(on: st.SearchStrategy[bool]) -> st.SearchStrategy[LimitsConfig]:
    return st.builds(
        LimitsConfig,
        position=st.builds(
            PositionLimitConfig,
            enabled=on,
            basis=st.sampled_from(PositionBasis),
            max=st.sampled_from([0.02, 0.5, 1.0]),
            stop_distance_assumed=st.floats(0.01, 1.0),
            slippage_bps=st.floats(0.0, 50.0),
        ),
        leverage=st.builds(LeverageLimitConfig, enabled=on, max=st.floats(0.5, 10.0)),
        daily_loss=st.builds(DailyLossLimitConfig, enabled=on, max=st.floats(0.005, 1.0)),
        drawdown=st.builds(
            DrawdownLimitConfig, enabled=on, base=st.sampled_from(DrawdownBase), max=st.floats(0.005, 0.1)
        ),
        collar=st.builds(PriceCollarConfig, enabled=on, deviation_bps_max=st.floats(0.0, 2_000.0)),
        concurrent=st.builds(ConcurrentPositionsConfig, enabled=on, positions_max=st.integers(1, 3)),
        margin=st.builds(MarginLimitConfig, enabled=on, reserve=st.floats(0.0, 0.98)),
        duplicate=st.builds(DuplicateConfig, enabled=on, window_s=st.floats(0.1, 10.0)),
        rate=st.builds(OrderRateConfig, enabled=on, orders_max=st.integers(1, 4), window_s=st.floats(0.1, 10.0)),
        kelly=st.builds(KellyLimitConfig, enabled=on, max=st.floats(0.01, 0.25)),
        correlation=st.builds(CorrelationLimitConfig, enabled=on, max=st.floats(0.1, 3.0), observations_min=st.just(5)),
        value_at_risk=st.builds(
            ValueAtRiskLimitConfig,
            enabled=on,
            method=st.sampled_from(RiskMethod),
            max=st.floats(0.001, 0.2),
            cvar_max=st.none() | st.floats(0.001, 0.2),
            window=st.just(20),
            observations_min=st.just(10),
        ),
    )


wild_orders = st.builds(
    order,
    side=st.sampled_from(Side),
    quantity=lots | st.sampled_from([math.nan, math.inf, 0.0, 1e308]),
    price=st.none() | odd_prices,
    trigger_price=st.none() | st.none() | odd_prices,
    stop_price=st.none() | odd_prices,
    confidence=st.none() | st.floats(0.0, 1.0) | st.just(math.nan),
    kelly_fraction=st.none() | st.none() | st.floats(0.0, 0.5),
    reduce_only=st.sampled_from([False, False, True]),
    instrument=st.sampled_from([BTC, BTC, ETH, ETH, UNKNOWN]),
    client_order_id=st.sampled_from(["A", "B", "C", "D"]),
    parent_id=st.none() | st.none() | st.sampled_from(["A", "B"]),
    origin=st.sampled_from(Origin),
    operator=st.just("op-7"),
    reason=st.just("hedge"),
    algorithm=st.none() | st.none() | st.just("TWAP"),
    action=st.sampled_from(Action),
)
sound_orders = st.builds(
    order,
    side=st.sampled_from(Side),
    quantity=lots,
    price=st.none() | prices,
    stop_price=st.none() | prices,
    kelly_fraction=st.none() | st.floats(0.0, 0.5),
    instrument=st.sampled_from([BTC, ETH]),
    client_order_id=st.sampled_from(["A", "B", "C", "D"]),
    parent_id=st.none() | st.none() | st.none() | st.sampled_from(["A", "B"]),
    action=st.sampled_from([Action.SUBMIT, Action.SUBMIT, Action.MODIFY]),
)
barriers = st.builds(
    Barrier,
    st.sampled_from(Source),
    st.sampled_from(Level),
    st.sampled_from(["", BTC, "Trend-001", "BINANCE", f"Trend-001/{ETH}"]),
    st.just("why"),
    st.just(NOW),
    st.booleans(),
)


@st.composite
def accounts(draw: st.DrawFn, limits: LimitsConfig, orders: st.SearchStrategy[Intent], *, wild: bool) -> View:
    """Return any account: gains or losses, holdings, orders at work and sent before; barriers and unknowns if wild."""
    start = NOW - 20 * HOUR
    mode = draw(st.sampled_from(Mode)) if wild else Mode.FULL_AUTO
    view = Ruleset(limits).new_view(mode, CASH, start)
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    for name in (BTC, ETH):
        brackets = draw(st.sampled_from([(), rising_steps]))
        fee, leverage = draw(st.sampled_from([0.0, 0.0005])), draw(st.sampled_from([1.0, 10.0]))
        view.set_facts(facts(name, taker_fee=fee, leverage=leverage, brackets=brackets))
    for hour in range(draw(st.sampled_from([1, 20]))):
        for name in (BTC, ETH):
            view.apply_mark(name, float(chance.uniform(97.0, 103.0)), start + hour * HOUR)
    view.advance(NOW - SECOND)
    for name in (BTC, ETH):
        quantity = draw(st.sampled_from([0.0, 0.5, -0.5])) * draw(lots)
        unknown = wild and draw(st.sampled_from([False] * 9 + [True]))
        view.apply_position(name, math.nan if unknown else quantity, draw(prices))
    for intent in draw(st.lists(orders, max_size=3)):
        sent(view, intent)
    if wild:
        view.apply_barriers(Source.BREAKER, draw(st.lists(barriers, max_size=1)))
    if draw(st.booleans()):
        view.advance(NOW)
    balances = [CASH, CASH, 1.5 * CASH, 0.985 * CASH, 0.94 * CASH]
    view.apply_cash(draw(st.sampled_from([*balances, -1.0, 0.0, math.nan] if wild else balances)))
    return view


def plain(number: float | None) -> float:
    return math.nan if number is None else float(number)


def told(figures: Figures) -> tuple[Basis | Reason, float, float]:
    judged = judge(figures.order, figures.instrument, figures.account, figures.limits)
    return CODES[judged.code[0]], float(judged.measured[0]), float(judged.limit[0])


def hold_against_the_rules(intent: Intent, view: View, limits: LimitsConfig) -> None:
    expected = Ruleset(limits).decide(intent, view)
    code, measured, limit = told(figures_of(intent, view, limits))

    assert code is CODES[verdict_code(expected)], expected
    if isinstance(expected, Refusal):
        np.testing.assert_equal((measured, limit), (plain(expected.measured), plain(expected.limit)))
    else:
        assert math.isnan(measured)
        assert math.isnan(limit)


@settings(max_examples=400, deadline=None)
@given(st.data(), configs(SELDOM_OFF), wild_orders)
def test_the_kernel_says_what_the_rules_say_of_anything(
    data: st.DataObject, limits: LimitsConfig, intent: Intent
) -> None:
    hold_against_the_rules(intent, data.draw(accounts(limits, wild_orders, wild=True)), limits)


@pytest.mark.parametrize("section", LimitsConfig.__struct_fields__)
@settings(max_examples=80, deadline=None)
@given(st.data(), configs(st.just(True)), sound_orders)
def test_the_kernel_says_what_the_rules_say_of_each_limit_alone(
    section: str, data: st.DataObject, limits: LimitsConfig, intent: Intent
) -> None:
    off = {
        name: msgspec.structs.replace(getattr(limits, name), enabled=False)
        for name in LimitsConfig.__struct_fields__
        if name != section
    }
    alone = msgspec.structs.replace(limits, **off)

    hold_against_the_rules(intent, data.draw(accounts(alone, sound_orders, wild=False)), alone)


# -- one by one -------------------------------------------------------------------------------------------------------


def calm(**changes: Any) -> tuple[View, LimitsConfig]:
    """Return an account that may do a lot, and its limits."""
    limits = LimitsConfig(
        position=PositionLimitConfig(max=1.0),
        correlation=CorrelationLimitConfig(max=100.0),
        value_at_risk=ValueAtRiskLimitConfig(max=1.0, cvar_max=1.0),
    )
    limits = msgspec.structs.replace(limits, **changes)
    view = Ruleset(limits).new_view(Mode.FULL_AUTO, CASH, NOW - SECOND)
    for name in (BTC, ETH):
        view.set_facts(facts(name, taker_fee=0.0005, brackets=rising_steps))
        view.apply_mark(name, 100.0, NOW - SECOND)
    view.advance(NOW)
    return view, limits


CASES: dict[Basis | Reason, tuple[dict[str, Any], Intent, Any]] = {
    Basis.LIMITS: ({}, buy(1.0), None),
    Basis.REDUCES: ({}, sell(1.0), lambda view: view.apply_position(BTC, 1.0, 100.0)),
    Basis.PARENT: ({}, buy(1.0, parent_id="P"), lambda view: sent(view, buy(1.0, client_order_id="P"))),
    Reason.MODE_FORBIDS: ({}, buy(1.0, kelly_fraction=0.1), lambda view: view.apply_mode(Mode.SEMI_AUTO)),
    Reason.OPERATOR_UNIDENTIFIED: ({}, by_hand(buy(1.0), operator=None), None),
    Reason.CIRCUIT_BREAKER_OPEN: (
        {},
        buy(1.0),
        lambda view: view.apply_barriers(Source.BREAKER, [Barrier(Source.BREAKER, Level.SYSTEM, "", "", NOW)]),
    ),
    Reason.KILL_SWITCH_ENGAGED: (
        {},
        buy(1.0),
        lambda view: view.apply_barriers(Source.KILL_SWITCH, [Barrier(Source.KILL_SWITCH, Level.SYMBOL, BTC, "", NOW)]),
    ),
    Reason.STATE_NOT_DURABLE: (
        {},
        buy(1.0),
        lambda view: view.apply_barriers(Source.STATE, [Barrier(Source.STATE, Level.SYSTEM, "", "", NOW)]),
    ),
    Reason.UNKNOWN_INSTRUMENT: ({}, buy(1.0, instrument=UNKNOWN), None),
    Reason.NO_REFERENCE_PRICE: ({}, buy(1.0, instrument=UNKNOWN), lambda view: view.set_facts(facts(UNKNOWN))),
    Reason.BUDGET_EXCEEDED: ({}, buy(2.0, parent_id="P"), lambda view: sent(view, buy(1.0, client_order_id="P"))),
    Reason.REDUCE_ONLY_INCREASES: ({}, sell(1.0, reduce_only=True), None),
    Reason.NOT_A_NUMBER: ({}, buy(1.0), lambda view: view.apply_mark(BTC, math.nan, NOW)),
    Reason.DAILY_LOSS_EXCEEDED: ({}, buy(1.0), lambda view: view.apply_cash(0.97 * CASH)),
    Reason.DRAWDOWN_EXCEEDED: (
        {"daily_loss": DailyLossLimitConfig(enabled=False)},
        buy(1.0),
        lambda view: view.apply_cash(0.9 * CASH),
    ),
    Reason.CONCURRENT_POSITIONS_EXCEEDED: (
        {"concurrent": ConcurrentPositionsConfig(positions_max=1)},
        buy(1.0),
        lambda view: view.apply_position(ETH, 1.0, 100.0),
    ),
    Reason.PRICE_OUTSIDE_COLLAR: ({}, buy(1.0, price=80.0), None),
    Reason.DUPLICATE_ORDER: ({}, buy(1.0), lambda view: view.record_submit(buy(1.0))),
    Reason.ORDER_RATE_EXCEEDED: (
        {"rate": OrderRateConfig(orders_max=1)},
        buy(1.0),
        lambda view: view.record_submit(buy(2.0)),
    ),
    Reason.POSITION_LIMIT_EXCEEDED: ({"position": PositionLimitConfig()}, buy(60.0), None),
    Reason.LEVERAGE_EXCEEDED: ({}, buy(301.0), None),
    Reason.INSUFFICIENT_MARGIN: ({"margin": MarginLimitConfig(reserve=0.9)}, buy(250.0), None),
    Reason.KELLY_FRACTION_EXCEEDED: ({}, buy(1.0, kelly_fraction=0.3), None),
    Reason.CORRELATION_LIMIT_EXCEEDED: ({"correlation": CorrelationLimitConfig(max=0.1)}, buy(20.0), None),
    Reason.VAR_LIMIT_EXCEEDED: ({"value_at_risk": ValueAtRiskLimitConfig(max=0.001)}, buy(20.0), None),
    Reason.CVAR_LIMIT_EXCEEDED: ({"value_at_risk": ValueAtRiskLimitConfig(max=1.0, cvar_max=0.001)}, buy(20.0), None),
}


@pytest.mark.parametrize("expected", CASES, ids=lambda code: code.value)
def test_each_verdict_is_the_kernels_too(expected: Basis | Reason) -> None:
    changes, intent, prepare = CASES[expected]
    view, limits = calm(**changes)
    if prepare is not None:
        prepare(view)

    verdict = Ruleset(limits).decide(intent, view)
    code, measured, limit = told(figures_of(intent, view, limits))

    assert code is expected
    assert code is CODES[verdict_code(verdict)]
    if isinstance(verdict, Refusal):
        np.testing.assert_equal((measured, limit), (plain(verdict.measured), plain(verdict.limit)))


# -- what is no number ------------------------------------------------------------------------------------------------


def busy() -> Figures:
    """Return an order that passes, in which every figure is used."""
    view, limits = calm()
    view.apply_position(BTC, 1.0, 100.0)
    sent(view, buy(1.0, price=99.0, ts_ns=NOW - 3_600 * SECOND))
    figures = figures_of(
        buy(2.0, price=101.0, trigger_price=100.5, stop_price=96.0, confidence=0.5, kelly_fraction=0.1), view, limits
    )
    figures.order["budget"], figures.order["drawn"], figures.order["left"] = BUDGET_HELD, 1.0, 2.0
    figures.order["duplicate_age_ns"] = figures.order["nth_age_ns"] = 100 * SECOND
    return figures


NOT_USED = {"mode_measured", "var_now", "cvar_now", "stop_distance", "start", "day_start", "peak"}
"""What counts only in other cases than the busy one: asked for below."""


def floats(record: np.ndarray) -> list[str]:
    return [name for name in record.dtype.names if record.dtype[name].base == np.float64 and name not in NOT_USED]


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part in Figures._fields for name in floats(getattr(busy(), part))]
)
def test_no_figure_that_is_no_number_passes(part: str, name: str) -> None:
    figures = busy()
    assert told(figures)[0] is Basis.LIMITS
    getattr(figures, part)[name] = math.nan

    assert isinstance(told(figures)[0], Reason)


@pytest.mark.parametrize(
    ("base", "name"), [(DrawdownBase.PEAK, "peak"), (DrawdownBase.START, "start"), (DrawdownBase.DAY, "day_start")]
)
@pytest.mark.parametrize("bad", [math.nan, 0.0, -1.0])
def test_a_base_that_is_no_number_refuses(base: DrawdownBase, name: str, bad: float) -> None:
    view, limits = calm(drawdown=DrawdownLimitConfig(base=base), daily_loss=DailyLossLimitConfig(enabled=False))
    figures = figures_of(buy(1.0), view, limits)
    figures.account[name] = bad

    assert told(figures)[0] is Reason.DRAWDOWN_EXCEEDED


@pytest.mark.parametrize("name", ["var", "cvar"])
def test_an_unknown_present_figure_excuses_nothing(name: str) -> None:
    figures = busy()
    figures.order[name] = 1e9
    figures.order[f"{name}_now"] = math.nan

    assert told(figures)[0] in {Reason.VAR_LIMIT_EXCEEDED, Reason.CVAR_LIMIT_EXCEEDED}


def test_an_unknown_stop_distance_refuses_an_order_without_a_stop() -> None:
    figures = busy()
    figures.order["has_stop"] = False
    assert told(figures)[0] is Basis.LIMITS
    figures.limits["stop_distance"] = math.nan

    assert told(figures)[0] is Reason.POSITION_LIMIT_EXCEEDED


# -- many at once -----------------------------------------------------------------------------------------------------


def test_a_batch_judges_each_order_on_its_own() -> None:
    view, limits = calm()
    intents = [buy(1.0), buy(301.0), sell(1.0, instrument=ETH), buy(1.0, instrument=ETH, price=80.0)]
    places = {BTC: 0, ETH: 1}
    alone = [figures_of(intent, view, limits) for intent in intents]
    batch = np.concatenate([figures.order for figures in alone])
    batch["instrument"] = [places[intent.instrument] for intent in intents]
    instruments = np.concatenate([instrument_of(view.book(name)) for name in places])

    judged = judge(batch, instruments, alone[0].account, alone[0].limits)

    expected = [told(figures) for figures in alone]
    assert [CODES[code] for code in judged.code] == [code for code, _, _ in expected]
    np.testing.assert_array_equal(judged.measured, [measured for _, measured, _ in expected])
    np.testing.assert_array_equal(judged.limit, [limit for _, _, limit in expected])


def test_no_orders_have_no_verdicts() -> None:
    figures = busy()

    assert len(judge(figures.order[:0], figures.instrument, figures.account, figures.limits).code) == 0


@pytest.mark.parametrize("place", [-1, 1])
def test_an_order_of_an_instrument_that_is_not_given_is_a_mistake(place: int) -> None:
    figures = busy()
    figures.order["instrument"] = place

    with pytest.raises(ValueError, match="instruments must be 0 to 0"):
        judge(*figures)


def test_records_of_another_layout_are_a_mistake() -> None:
    figures = busy()

    with pytest.raises(ValueError, match="orders must be"):
        judge(np.zeros(1), figures.instrument, figures.account, figures.limits)
    with pytest.raises(ValueError, match="one row each"):
        judge(figures.order, figures.instrument, figures.account[:0], figures.limits)


def test_more_brackets_than_fit_are_a_mistake() -> None:
    steps = tuple(Step(float(step), step + 1.0, 0.01, 0.0, 10.0) for step in range(BRACKETS_MAX + 1))
    view, limits = calm()
    view.set_facts(facts(BTC, brackets=steps))

    with pytest.raises(ValueError, match="at most 20 brackets"):
        figures_of(buy(1.0), view, limits)


def test_an_age_of_never_is_no_age_a_clock_can_give() -> None:
    assert np.zeros(1, ORDER)["duplicate_age_ns"][0] != NEVER
