"""What risk costs: an order in the kernel, a decision in Python, an order through the whole gate; processor time."""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId, StrategyId, TraderId
from nautilus_trader.model.orders import MarketOrder

from catalog.spec_files import shipped_spec
from risk.audit import AuditLog
from risk.barriers import Barrier, Level, Source
from risk.controller import facts_of
from risk.decisions import DecisionLog
from risk.gate import Gate
from risk.kernel.figures import Figures, figures_of
from risk.kernel.judge import judge
from risk.kernel.layout import CODES
from risk.limits import CorrelationLimitConfig, LimitsConfig, PositionLimitConfig, ValueAtRiskLimitConfig
from risk.modes.approvals import ApprovalQueue
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.trail import Trail
from risk.verdict import Approved, Basis
from risk.view import View
from risk.watch import Watch
from tests.risk.world import BTC, NOW, SECOND, Step, buy, facts, sell, world

pytestmark = pytest.mark.bench

CALLS = 2_000
BLOCKS = 20
RULES = Ruleset(LimitsConfig())


def busy() -> View:
    """Return an account with six positions, a bracket and an entry at work."""
    view = world(cash=1e6)
    for number in range(5):
        view.set_facts(facts(f"X{number}"))
        view.apply_mark(f"X{number}", 100.0 + number, NOW)
        view.apply_position(f"X{number}", 10.0, 99.0)
    view.apply_position(BTC, 1.0, 99.0)
    view.apply_working("SL", BTC, -1.0, 97.0, reduce_only=True, parent_id="E", is_stop=True)
    view.apply_working("TP", BTC, -1.0, 107.0, reduce_only=True, parent_id="E")
    view.apply_working("W", BTC, 1.0, 98.0, reduce_only=False)
    return view


def microseconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return median and 99th percentile of the thread's processor time for one call, less what the clock takes."""
    clock = time.thread_time_ns
    own_cost = sorted(-clock() + clock() for _ in range(1_000))[500]
    taken = []
    call()
    gc.disable()
    try:
        for _ in range(CALLS):
            start = clock()
            call()
            taken.append(clock() - start - own_cost)
    finally:
        gc.enable()
    taken.sort()
    return taken[CALLS // 2] / 1e3, taken[CALLS * 99 // 100] / 1e3


@pytest.mark.parametrize("name", ["entry, flat account", "entry, busy account", "close", "mark, then entry"])
def test_a_decision_stays_within_its_budget(name: str) -> None:
    flat, full = world(cash=1e6), busy()
    entry, close = buy(20.0, stop_price=95.0), sell(1.0, reduce_only=True)

    def marked() -> object:
        full.apply_mark(BTC, 100.5 if full.mark(BTC) == 100.0 else 100.0, NOW)
        return RULES.decide(entry, full)

    calls: dict[str, Callable[[], object]] = {
        "entry, flat account": lambda: RULES.decide(entry, flat),
        "entry, busy account": lambda: RULES.decide(entry, full),
        "close": lambda: RULES.decide(close, full),
        "mark, then entry": marked,
    }
    expected = Basis.REDUCES if name == "close" else Basis.LIMITS
    assert calls[name]() == Approved(expected)

    # the quietest block: other programs' use of the caches is not the gate's cost
    median, worst = min((microseconds(calls[name]) for _ in range(BLOCKS)), key=lambda pair: pair[1])
    print(f"\n{name}: median {median:.1f} us, p99 {worst:.1f} us")
    if name != "mark, then entry":  # the budget is the decision's; a mark costs once a tick, not once an order
        assert worst < 10.0


def test_a_line_of_the_decision_log_is_cheap() -> None:
    view, log = busy(), DecisionLog(io.BytesIO())
    intent = buy(20.0, stop_price=95.0, signal='{"confidence":0.6,"source":"fused"}')

    median, worst = microseconds(lambda: log.append(intent, Approved(Basis.LIMITS), view))
    print(f"\ndecision line: median {median:.1f} us, p99 {worst:.1f} us")
    assert median < 20.0


# -- the kernel -------------------------------------------------------------------------------------------------------


def all_checks() -> Figures:
    """Return an order that every check is asked about, and that all let pass."""
    limits = LimitsConfig(
        position=PositionLimitConfig(max=1.0), value_at_risk=ValueAtRiskLimitConfig(max=1.0, cvar_max=1.0)
    )
    view = Ruleset(limits).new_view(Mode.FULL_AUTO, 1e4, NOW - SECOND)
    steps = (Step(0.0, 8_000.0, 0.01, 0.0, 20.0), Step(8_000.0, 40_000.0, 0.02, 80.0, 5.0))
    view.set_facts(facts(BTC, taker_fee=0.0005, brackets=steps))
    view.apply_mark(BTC, 100.0, NOW - SECOND)
    view.advance(NOW)
    view.apply_position(BTC, 1.0, 100.0)
    order = buy(2.0, price=101.0, trigger_price=100.5, stop_price=96.0, confidence=0.5, kelly_fraction=0.1)
    figures = figures_of(order, view, limits)
    figures.order["duplicate_age_ns"] = figures.order["nth_age_ns"] = 100 * SECOND
    return figures


@pytest.mark.parametrize(("count", "limit_ns"), [(1_000, 50.0), (1_000_000, 100.0)])
def test_the_kernel_judges_an_order_in_nanoseconds(count: int, limit_ns: float) -> None:
    """A thousand orders stay in the cache and show the arithmetic; a million show a batch, at 10,000,000 a second."""
    figures = all_checks()
    orders = np.repeat(figures.order, count)
    judged = judge(orders, figures.instrument, figures.account, figures.limits)
    assert {CODES[code] for code in judged.code} == {Basis.LIMITS}

    rounds = max(1, 200_000 // count)
    spent = []
    for _ in range(BLOCKS):
        began = time.process_time()
        for _ in range(rounds):
            judge(orders, figures.instrument, figures.account, figures.limits)
        spent.append((time.process_time() - began) / (rounds * count))
    print(f"\nkernel, {count} at once: {1e9 * min(spent):.1f} ns an order, {1e-6 / min(spent):.1f} million a second")
    assert 1e9 * min(spent) < limit_ns


# -- in Python --------------------------------------------------------------------------------------------------------


def test_no_barrier_costs_next_to_nothing() -> None:
    free, barred = busy(), busy()
    barred.apply_barriers(Source.BREAKER, [Barrier(Source.BREAKER, Level.STRATEGY, "Other-001", "why", NOW)])
    entry = buy(20.0, stop_price=95.0)

    without, _ = min(microseconds(lambda: RULES.decide(entry, free)) for _ in range(BLOCKS))
    behind, _ = min(microseconds(lambda: RULES.decide(entry, barred)) for _ in range(BLOCKS))
    print(f"\ndecision: {without:.2f} us without barriers, {behind:.2f} us with one elsewhere")
    assert behind - without < 5.0


def through_the_gate(limits: LimitsConfig) -> tuple[float, float]:
    """Return median and 99th percentile that the gate adds to an order: all of `Gate.execute` but what it calls.

    Decision log and audit log are written, to memory, as in a node; a market order adds risk, so every layer is asked.
    """
    spec = shipped_spec("BTCUSDT-PERP.BINANCE")
    instrument = spec.instrument()
    trader, clock, cache = TraderId("BOT4-001"), TestClock(), Cache()
    clock.set_time(NOW)
    rules = Ruleset(limits)
    view = rules.new_view(Mode.FULL_AUTO, 1e6, NOW)
    view.set_facts(facts_of(spec, 3.0))
    chance = np.random.default_rng(1)
    for hours in range(520, -1, -1):
        price = 50_000.0 * (1.0 + 0.01 * float(chance.standard_normal()))
        view.apply_mark(spec.instrument_id, price, NOW - hours * 3_600 * SECOND)
    audit, passed = AuditLog(io.BytesIO()), []
    gate = Gate(
        msgbus=MessageBus(trader, clock), cache=cache, clock=clock, execute=passed.append, rules=rules, view=view,
        decisions=DecisionLog(io.BytesIO()), audit=audit, queue=ApprovalQueue(),
        watch=Watch(view, cache, audit, "USDT"),
    )  # fmt: skip
    gate.verdict_listeners.append(Trail(audit, gate.decisions, view).on_verdict)
    taken = []
    for number in range(CALLS):
        order = MarketOrder(
            trader_id=trader, strategy_id=StrategyId("Trend-001"), instrument_id=instrument.id,
            client_order_id=ClientOrderId(f"O-{number}"), order_side=OrderSide.BUY,
            quantity=instrument.make_qty(0.1), init_id=UUID4(), ts_init=NOW,
            tags=[f'signal:{{"confidence":0.62,"bar":{number}}}'],
        )  # fmt: skip
        command = SubmitOrder(trader, order.strategy_id, order, UUID4(), NOW)
        clock.set_time(NOW + (number + 1) * 6 * SECOND)  # outside the window of duplicates
        start = time.perf_counter_ns()  # the thread's own clock costs more than a microsecond to read
        gate.execute(command)
        taken.append(time.perf_counter_ns() - start)
        view.remove_working(order.client_order_id.value, 0.1)
    assert len(passed) == CALLS == audit.count
    taken.sort()
    return taken[CALLS // 2] / 1e3, taken[CALLS * 99 // 100] / 1e3


@pytest.mark.parametrize("layers", ["all layers", "without portfolio measures"])
def test_what_the_gate_adds_to_an_order(layers: str) -> None:
    limits = LimitsConfig()
    if layers != "all layers":
        off = {
            "value_at_risk": ValueAtRiskLimitConfig(enabled=False),
            "correlation": CorrelationLimitConfig(enabled=False),
        }
        limits = msgspec.structs.replace(limits, **off)
    gc.collect()
    gc.disable()
    try:
        median, worst = min((through_the_gate(limits) for _ in range(8)), key=lambda pair: pair[1])
    finally:
        gc.enable()
    print(f"\nthrough the gate, {layers}: median {median:.1f} us, p99 {worst:.1f} us (target 10 us)")
    # a guard against a slip: the target holds for the decision alone (above), not with two logs in Python
    assert median < 80.0
