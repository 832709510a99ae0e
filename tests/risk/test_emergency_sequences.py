"""Random sequences of modes, orders, fills and cancels: whatever came before, in Emergency nothing opens."""

from __future__ import annotations

import random
from collections.abc import Callable

from world import BTC, ETH, LOT, MARK, NOW, facts

from risk import closing_plan
from risk.desk import OpenOrder, OpenPosition
from risk.intent import Action, Intent, Side
from risk.limits import DuplicateConfig, LimitsConfig, OrderRateConfig
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.verdict import Approved, Basis
from risk.view import View

SEQUENCES = 5_000
STEPS = 24
MODES = list(Mode)
LIMITS = LimitsConfig(duplicate=DuplicateConfig(enabled=False), rate=OrderRateConfig(orders_max=1_000))


class Market:
    """The ruleset's view, and a venue that nets by strategy and clips what is reduce-only."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.rules = Ruleset(LIMITS)
        self.view = self.rules.new_view(Mode.FULL_AUTO, 10_000.0, NOW)
        for name in (BTC, ETH):
            self.view.set_facts(facts(name))
            self.view.apply_mark(name, MARK, NOW)
        self.held: dict[tuple[str, str], float] = {}
        self.working: dict[str, Intent] = {}
        self.sent = 0
        self.passed_in_emergency = 0
        self.opened: list[str] = []

    def net(self, instrument: str) -> float:
        return sum(quantity for (_, name), quantity in self.held.items() if name == instrument)

    # what may happen

    def change_mode(self) -> None:
        mode = self.chance.choice([*MODES, *[Mode.EMERGENCY] * 4])
        self.view.apply_mode(mode)
        if mode is Mode.EMERGENCY:
            self.sweep()

    def send(self) -> None:
        self.sent += 1
        intent = Intent(
            ts_ns=self.view.ts_ns,
            strategy=self.chance.choice(["A-001", "B-002"]),
            instrument=self.chance.choice([BTC, ETH]),
            client_order_id=f"O-{self.sent}",
            side=self.chance.choice(list(Side)),
            order_type="MARKET",
            quantity=self.chance.choice([1, 5, 10, 20]) * LOT * 1_000 * self.chance.choice([0.1, 1.0]),
            reduce_only=self.chance.random() < 0.4,
            price=self.chance.choice([None, 99.0, 101.0]),
            trigger_price=self.chance.choice([None, None, None, 98.0, 102.0]),
            stop_price=self.chance.choice([None, 95.0, 105.0]),
            parent_id=f"O-{self.chance.randint(1, self.sent)}" if self.chance.random() < 0.2 else None,
        )
        self.judge(intent)

    def change(self) -> None:
        if self.working:
            old = self.chance.choice(list(self.working.values()))
            self.judge(_changed(old, self.chance.choice([0.5, 1.0, 2.0])))

    def judge(self, intent: Intent) -> None:
        verdict = self.rules.decide(intent, self.view)
        if not isinstance(verdict, Approved):
            return
        emergency = self.view.mode is Mode.EMERGENCY
        if emergency:
            self.passed_in_emergency += 1
            if verdict.basis is Basis.LIMITS:
                self.opened.append(f"{intent} passed on {verdict.basis}")
        self.view.record_submit(intent)
        self.view.apply_intent(intent)
        self.working[intent.client_order_id] = intent
        if intent.price is None and intent.trigger_price is None:
            self.fill(intent.client_order_id, 1.0)

    def fill_some(self) -> None:
        if self.working:
            self.fill(self.chance.choice(list(self.working)), self.chance.choice([0.5, 1.0]))

    def fill(self, key: str, share: float) -> None:
        intent = self.working[key]
        owner = (intent.strategy, intent.instrument)
        before, net_before = self.held.get(owner, 0.0), self.net(intent.instrument)
        change = intent.signed_quantity * share
        if intent.reduce_only:
            change = 0.0 if before * change >= 0.0 else max(-abs(before), min(abs(before), change))
        self.held[owner] = round(before + change, 9)
        if self.view.mode is Mode.EMERGENCY:
            grew = abs(self.held[owner]) > abs(before) if intent.reduce_only else self._net_grew(intent, net_before)
            if grew:
                self.opened.append(f"{intent} took {owner} from {before} to {self.held[owner]}")
        self.tell(owner)
        self.drop(key)

    def _net_grew(self, intent: Intent, before: float) -> bool:
        after = self.net(intent.instrument)
        return abs(after) > abs(before) + 1e-9 or after * before < -1e-12

    def tell(self, owner: tuple[str, str]) -> None:
        strategy, instrument = owner
        self.view.apply_owner(instrument, strategy, self.held[owner])
        self.view.apply_position(instrument, round(self.net(instrument), 9), MARK)

    def drop(self, key: str) -> None:
        intent = self.working.pop(key)
        self.view.remove_working(key, intent.quantity)

    def sweep(self) -> None:
        """Cancel what the emergency closer cancels at each look."""
        orders = [
            OpenOrder(
                client_order_id=key,
                instrument=intent.instrument,
                strategy=intent.strategy,
                signed_quantity=intent.signed_quantity,
                price=intent.price,
                reduce_only=intent.reduce_only,
                is_stop=intent.trigger_price is not None,
            )
            for key, intent in self.working.items()
        ]
        positions = [
            OpenPosition(
                position_id=f"{name}-{strategy}",
                instrument=name,
                strategy=strategy,
                signed_quantity=quantity,
                entry_price=MARK,
                mark=MARK,
            )
            for (strategy, name), quantity in self.held.items()
            if quantity != 0.0
        ]
        for order in closing_plan.adding(orders) or closing_plan.idle(orders, positions):
            self.drop(order.client_order_id)

    def step(self) -> None:
        acts: list[Callable[[], None]] = [self.send, self.send, self.send, self.change, self.fill_some]
        self.chance.choice([*acts, self.change_mode])()
        if self.view.mode is Mode.EMERGENCY:
            self.sweep()
        self.view.advance(self.view.ts_ns + 1_000_000)


def _changed(old: Intent, factor: float) -> Intent:
    fields = {name: getattr(old, name) for name in old.__struct_fields__}
    return Intent(**(fields | {"action": Action.MODIFY, "quantity": old.quantity * factor}))


def test_in_five_thousand_random_sequences_nothing_opens_in_emergency(record_property: Callable[..., None]) -> None:
    passed = sent = 0
    for seed in range(SEQUENCES):
        market = Market(random.Random(seed))
        for _ in range(STEPS):
            market.step()
        assert market.opened == [], seed
        passed += market.passed_in_emergency
        sent += market.sent

    record_property(
        "counted", f"emergency: {SEQUENCES} sequences, {sent} orders, {passed} passed in Emergency, 0 opened"
    )
    assert passed > SEQUENCES / 10


def test_the_sequences_would_notice_an_order_that_opens() -> None:
    class Lax(Ruleset):
        def decide(self, intent: Intent, view: View) -> Approved:
            return Approved(Basis.REDUCES)

    found = 0
    for seed in range(50):
        market = Market(random.Random(seed))
        market.rules = Lax(LIMITS)
        for _ in range(STEPS):
            market.step()
        found += bool(market.opened)
    assert found > 10
