"""Whatever is asked for: what is approved never exceeds a limit of its mode, and in Emergency nothing opens."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from itertools import count

import msgspec
import pytest
from world import BTC, DAY, ETH, NOW, SECOND, facts

from risk.intent import Action, Intent, Origin, Side
from risk.limits import (
    ConcurrentPositionsConfig,
    CorrelationLimitConfig,
    DrawdownLimitConfig,
    DuplicateConfig,
    LeverageLimitConfig,
    LimitsConfig,
    MarginLimitConfig,
    OrderRateConfig,
    PositionBasis,
    PositionLimitConfig,
    PriceCollarConfig,
    ValueAtRiskLimitConfig,
)
from risk.modes.table import POWERS, Mode
from risk.ruleset import Ruleset
from risk.verdict import Approved, Basis

SEQUENCES, STEPS = 5_000, 36
SOL, XRP, ADA = "SOLUSDT-PERP.BINANCE", "XRPUSDT-PERP.BINANCE", "ADAUSDT-PERP.BINANCE"
NAMES = (BTC, ETH, SOL, XRP, ADA)
CASH = 10_000.0
ASSUMED = 0.10
LIMITS = LimitsConfig(
    position=PositionLimitConfig(basis=PositionBasis.NOTIONAL, max=0.8),
    leverage=LeverageLimitConfig(max=2.5),
    drawdown=DrawdownLimitConfig(max=0.025),
    concurrent=ConcurrentPositionsConfig(positions_max=4),
    margin=MarginLimitConfig(enabled=False),
    duplicate=DuplicateConfig(enabled=False),
    rate=OrderRateConfig(enabled=False),
    collar=PriceCollarConfig(enabled=False),
    correlation=CorrelationLimitConfig(enabled=False),
    value_at_risk=ValueAtRiskLimitConfig(max=0.24, move_assumed=ASSUMED),
)
_ids = count(1)


class Oracle:
    """Keep account by what was approved and filled alone, one plain sum at a time; it never looks at the view."""

    def __init__(self) -> None:
        self.cash = CASH
        self.marks = dict.fromkeys(NAMES, 100.0)
        self.held = dict.fromkeys(NAMES, 0.0)
        self.entry = dict.fromkeys(NAMES, 0.0)
        self.working: dict[str, tuple[str, float]] = {}
        self.peak = CASH
        self.reduce_only: set[str] = set()

    def equity(self) -> float:
        return self.cash + sum(self.held[name] * (self.marks[name] - self.entry[name]) for name in NAMES)

    def side(self, name: str, sign: int) -> float:
        """Return the worst position on one side: all that works on it filled, and nothing on the other."""
        free = (each for key, each in self.working.items() if key not in self.reduce_only)
        orders = sum(max(0.0, sign * size) for where, size in free if where == name)
        return max(0.0, sign * self.held[name] + orders)

    def worst(self, name: str) -> float:
        return max(self.side(name, 1), self.side(name, -1)) * self.marks[name]

    def positions(self) -> int:
        return sum(self.worst(name) > 1e-9 for name in NAMES)

    def fill(self, key: str, part: float) -> tuple[str, float]:
        name, size = self.working[key]
        done = size * part
        held, mark = self.held[name], self.marks[name]
        if held * done >= 0.0:
            total = abs(held) + abs(done)
            self.entry[name] = (abs(held) * self.entry[name] + abs(done) * mark) / total
        else:
            closed = min(abs(held), abs(done))
            self.cash += math.copysign(closed, held) * (mark - self.entry[name])
            if abs(done) > abs(held):
                self.entry[name] = mark
        left = held + done
        self.held[name] = 0.0 if abs(left) < 1e-9 else left
        self.working[key] = (name, size - done)
        if part == 1.0:
            del self.working[key]
        return name, done


class Sequence:
    """One random run of modes, orders, changes, lists, fills and prices, judged after every approval."""

    def __init__(self, seed: int, rules: Ruleset) -> None:
        self.draw = random.Random(seed)
        self.rules = rules
        self.now = NOW
        self.oracle = Oracle()
        self.oracle.peak = CASH * self.draw.choice((1.0, 1.01))  # that of the day before
        self.view = rules.new_view(Mode.FULL_AUTO, self.oracle.peak, NOW - DAY)
        self.view.advance(NOW - DAY + SECOND)
        self.view.apply_cash(CASH)
        self.view.advance(NOW - DAY + 2 * SECOND)
        self.view.advance(NOW)
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        for name in NAMES:
            self.view.set_facts(facts(name))
            self.view.apply_mark(name, 100.0, NOW)

    def run(self, steps: int) -> None:
        deeds = (self.ask, self.ask, self.ask, self.ask, self.send_list, self.change, self.reduce, self.fill, self.fill,
                 self.price, self.cancel, self.mode)  # fmt: skip
        for _ in range(steps):
            self.now += SECOND
            self.view.advance(self.now)
            self.draw.choice(deeds)()
            self.oracle.peak = max(self.oracle.peak, self.oracle.equity())

    # deeds

    def intent(self, name: str, side: Side, quantity: float, **more: object) -> Intent:
        by_hand = self.draw.random() < 0.5
        who = {"origin": Origin.OPERATOR, "operator": "joe", "reason": "a test"} if by_hand else {}
        given: dict[str, object] = {"ts_ns": self.now, "strategy": "S-001", "instrument": name, "order_type": "MARKET"}
        given |= {"client_order_id": f"O-{next(_ids)}", "side": side, "quantity": round(quantity, 3)}
        return Intent(**(given | who | more))  # type: ignore[arg-type]

    def size(self) -> float:
        return float(self.draw.choice((1, 5, 10, 20, 40, 60, 80, 100, 150, 300)) * self.draw.uniform(0.5, 1.1))

    def ask(self) -> None:
        name, side = self.draw.choice(NAMES), self.draw.choice(list(Side))
        self.judge((self.intent(name, side, self.size()),))

    def send_list(self) -> None:
        orders = [self.intent(self.draw.choice(NAMES), self.draw.choice(list(Side)), self.size()) for _ in range(2)]
        self.judge(tuple(orders))

    def reduce(self) -> None:
        for name in NAMES:
            held = self.oracle.held[name]
            if held and self.draw.random() < 0.5:
                side = Side.SELL if held > 0 else Side.BUY
                self.judge((self.intent(name, side, abs(held), reduce_only=self.draw.random() < 0.5),))

    def change(self) -> None:
        if not self.oracle.working:
            return
        key = self.draw.choice(list(self.oracle.working))
        name, size = self.oracle.working[key]
        known = self.view.working(key)
        assert known is not None
        if known.reduce_only:
            return
        side = Side.BUY if size > 0 else Side.SELL
        self.judge((self.intent(name, side, self.size(), client_order_id=key, action=Action.MODIFY),))

    def judge(self, intents: tuple[Intent, ...]) -> None:
        view, rules = self.view, self.rules
        verdict = rules.decide_list(intents, view) if len(intents) > 1 else rules.decide(intents[0], view)
        if not isinstance(verdict, Approved):
            self.seen[verdict.reason.value] += 1
            return
        self.seen[f"APPROVED {verdict.basis.value}"] += 1
        before = {name: self.oracle.worst(name) for name in NAMES}
        for intent in intents:
            view.record_submit(intent)
            view.apply_intent(intent)
            size = intent.signed_quantity
            if intent.reduce_only:
                self.oracle.reduce_only.add(intent.client_order_id)  # the venue clips it to the position
                held = self.oracle.held[intent.instrument]
                size = math.copysign(min(abs(size), abs(held)), size)
            self.oracle.working[intent.client_order_id] = (intent.instrument, size)
        if verdict.basis is Basis.REDUCES:
            grown = [name for name in NAMES if self.oracle.worst(name) > before[name] + 0.1]
            self.expect(not grown, f"a reduction added to {grown}")
        else:
            self.check(intents, sum(before.values()))

    def check(self, intents: tuple[Intent, ...], gross_before: float) -> None:
        """Hold the account with everything approved against the mode's row of the table, limit by limit."""
        oracle, mode = self.oracle, self.view.mode
        powers, equity = POWERS[mode], oracle.equity()
        room = 1e-4 * CASH
        self.expect(mode is not Mode.EMERGENCY, "something was opened in Emergency")
        by_machine = len(intents) == 1 and intents[0].origin is Origin.AUTOMATED
        self.expect(not (by_machine and mode is Mode.MANUAL), "a strategy traded in Manual")
        gross = sum(oracle.worst(name) for name in NAMES)
        self.expect(gross <= min(2.5, powers.leverage_max) * equity + room, f"leverage {gross / equity:.3f}")
        for intent in intents:
            sign = intent.side.sign
            notional = oracle.side(intent.instrument, sign) * oracle.marks[intent.instrument]
            self.expect(notional <= 0.8 * powers.risk_multiplier * equity + room, f"position {notional / equity:.3f}")
        limit = POWERS[mode].positions_max
        self.expect(oracle.positions() <= min(4, 20 if limit is None else limit), f"{oracle.positions()} positions")
        day = (CASH - equity) / CASH
        self.expect(day < min(0.02, powers.daily_loss_max), f"risk after a daily loss of {day:.4f}")
        peak = max(oracle.peak, equity)
        fall = (peak - equity) / peak
        self.expect(fall < 0.025 * powers.risk_multiplier, f"risk after a drawdown of {fall:.4f}")
        assumed = ASSUMED * gross / equity  # without a history everything is taken to fall together
        within = assumed <= 0.24 * powers.risk_multiplier + 1e-4
        # an order that adds no value at risk may pass beyond the limit, which a change of mode has tightened
        self.expect(within or gross <= gross_before + room, f"value at risk {assumed:.4f}")

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(f"{self.view.mode.value}: {what}")

    def fill(self) -> None:
        if not self.oracle.working:
            return
        key = self.draw.choice(list(self.oracle.working))
        known = self.view.working(key)
        assert known is not None
        if known.reduce_only:
            name, size = self.oracle.working[key]
            held = self.oracle.held[name]
            if held * size >= 0.0:
                self.drop(key)
                return
            self.oracle.working[key] = (name, math.copysign(min(abs(size), abs(held)), size))
        name, done = self.oracle.fill(key, self.draw.choice((1.0, 1.0, 0.5)))
        self.view.apply_cash(self.oracle.cash)
        held = self.oracle.held[name]
        self.view.apply_position(name, held, self.oracle.entry[name] if held else 0.0)
        if key in self.oracle.working:
            left = known.signed_quantity - done
            self.view.apply_working(key, name, left, known.price, known.reduce_only)
        else:
            self.view.remove_working(key)

    def drop(self, key: str) -> None:
        del self.oracle.working[key]
        self.view.remove_working(key)

    def cancel(self) -> None:
        if self.oracle.working:
            self.drop(self.draw.choice(list(self.oracle.working)))

    def price(self) -> None:
        name = self.draw.choice(NAMES)
        self.oracle.marks[name] *= self.draw.choice((0.97, 0.99, 0.995, 1.003, 1.01, 1.02))
        self.view.apply_mark(name, self.oracle.marks[name], self.now)

    def mode(self) -> None:
        mode = self.draw.choice((*Mode, Mode.FULL_AUTO))
        self.view.apply_mode(mode)
        self.seen[f"mode {mode.value}"] += 1


def lax(limits: LimitsConfig) -> dict[str, LimitsConfig]:
    """Return the limits with one of them left out, by its name."""
    names = ("leverage", "position", "daily_loss", "drawdown", "concurrent", "value_at_risk")
    off = {name: msgspec.structs.replace(getattr(limits, name), enabled=False) for name in names}
    return {name: msgspec.structs.replace(limits, **{name: without}) for name, without in off.items()}


def run(limits: LimitsConfig, seeds: range) -> tuple[Counter[str], Counter[str]]:
    """Return what was seen, and each limit that was exceeded by how often."""
    rules, seen, wrong = Ruleset(limits), Counter[str](), Counter[str]()
    for seed in seeds:
        sequence = Sequence(seed, rules)
        sequence.run(STEPS)
        seen += sequence.seen
        wrong.update(sequence.wrong)
    return seen, wrong


def test_no_sequence_exceeds_a_limit_of_its_mode(counted: Callable[[str], None]) -> None:
    seen, wrong = run(LIMITS, range(SEQUENCES))

    assert not wrong
    for reason in ("MODE_FORBIDS", "LEVERAGE_EXCEEDED", "POSITION_LIMIT_EXCEEDED", "DAILY_LOSS_EXCEEDED"):
        assert seen[reason] > 100, reason
    for reason in ("DRAWDOWN_EXCEEDED", "CONCURRENT_POSITIONS_EXCEEDED", "VAR_LIMIT_EXCEEDED"):
        assert seen[reason] > 30, reason
    assert all(seen[f"mode {mode.value}"] > 100 for mode in Mode)
    counted(f"modes and intents: {SEQUENCES} sequences, {dict(sorted(seen.items()))}")


@pytest.mark.parametrize(
    ("missing", "word"),
    [
        ("leverage", "leverage"),
        ("position", "position"),
        ("daily_loss", "daily loss"),
        ("drawdown", "drawdown"),
        ("concurrent", "positions"),
        ("value_at_risk", "value at risk"),
    ],
)
def test_rules_that_leave_a_limit_out_are_caught(missing: str, word: str) -> None:
    found = (run(lax(LIMITS)[missing], range(start, start + 200))[1] for start in range(0, 4_000, 200))

    assert any(word in what for wrong in found for what in wrong)


def test_rules_of_another_mode_are_caught_in_emergency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("risk.ruleset.mode_forbids", lambda _intent, _view: None)
    everything_off = LIMITS
    for limits in lax(LIMITS):
        everything_off = lax(everything_off)[limits]

    _, wrong = run(everything_off, range(100))

    assert any("opened in Emergency" in what for what in wrong)
