"""Modes and the model: outside FullAuto it is not asked, with governor, strategy and engine as they are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.data import Bar

from catalog.model import F64
from risk.audit import AuditLog
from risk.modes.authorisation import AuthorisationConfig, Authority, Role
from risk.modes.changes import ModeChange
from risk.modes.governor import ModeGovernor
from risk.modes.start import StartDecision
from risk.modes.table import POWERS, Mode
from risk.modes.transitions import Guard
from risk.modes.triggers import Trigger
from strategies.library.fused import FusedStrategy
from strategies.library.fused_config import FusedConfig
from strategies.library.powers import StrategyPowers, models_not_ready, tell_mode
from strategies.models.schedule import ModelSchedule
from strategies.signals.learned import LearnedConfig, LearnedSignal
from tests.strategies.library.simulated_market import engine_with, feed, perpetual
from tests.strategies.library.test_fused_signals import FEATURES, MARKET, saved_schedule
from tests.strategies.models.forests import small_model

ADA = Authority("ada", Role.ADMIN, "as planned")
READY = frozenset(Guard)
BARS = 180


class Witness:
    """A schedule with one model that notes in which mode it is asked, and raises where it must not be."""

    layout_hash = FEATURES.layout_hash
    horizon_bars = 8

    def __init__(self) -> None:
        self.governor: ModeGovernor | None = None
        self.asked: list[Mode] = []

    def at(self, ts_ns: int) -> Witness:
        self._note()
        return self

    def probability(self, row: F64) -> float:
        self._note()
        return 0.7

    def _note(self) -> None:
        assert self.governor is not None
        self.asked.append(self.governor.mode)
        if self.governor.mode is not Mode.FULL_AUTO:
            raise AssertionError(f"the model was asked in {self.governor.mode}")


class Led(FusedStrategy):
    """The strategy with a witness for a model, and a plan of what to do with the governor before which bar."""

    def __init__(self, config: FusedConfig, plan: dict[int, list[Mode]]) -> None:
        super().__init__(config)
        self.witness = Witness()
        self.plan = plan
        self.modes: list[Mode] = []
        self.held: list[bool] = []

    def _load_model(self) -> None:
        if self.powers.use_model and self._learned is None:
            config = LearnedConfig()
            self._learned = LearnedSignal(self.witness, FEATURES.layout_hash, config, on_failure=self._model_failed)

    def on_bar(self, bar: Bar) -> None:
        governor = self.witness.governor
        assert governor is not None
        for wanted in self.plan.get(len(self.modes), []):
            if wanted is Mode.EMERGENCY:
                governor.emergency(Trigger.DRAWDOWN, "planned", bar.ts_event)
            else:
                governor.request(wanted, ADA, bar.ts_event, READY)
        self.modes.append(governor.mode)
        self.held.append(next(iter(self._slots.values())).judge.learned is not None)
        super().on_bar(bar)


def led(plan: dict[int, list[Mode]], start: Mode) -> Led:
    """Run the strategy over bars under a governor that follows the plan."""
    instrument = perpetual()
    powers = StrategyPowers.of(POWERS[start])
    config = FusedConfig(
        instrument_ids=(instrument.id,),
        entry_strength=0.2,
        use_model=powers.use_model,
        generate_signals=powers.generate_signals,
    )
    strategy = Led(config, plan)
    governor = ModeGovernor(
        start=StartDecision(start, "configured"),
        config=AuthorisationConfig(roles={"ada": Role.ADMIN}),
        audit=AuditLog(),
        persist=lambda: None,
        apply=lambda mode, reason: tell_mode([strategy], lambda: governor.mode),
        now_ns=0,
    )
    strategy.witness.governor = governor
    governor.begin(0)
    engine = engine_with([instrument])
    engine.add_data(feed(instrument, MARKET[:BARS]))
    engine.add_strategy(strategy)
    engine.run()
    strategy.entries = sum("ENTRY" in order.tags for order in engine.cache.orders())
    engine.dispose()
    return strategy


def random_plan(seed: int) -> dict[int, list[Mode]]:
    chance = random.Random(seed)
    modes = [Mode.MANUAL, Mode.SEMI_AUTO, Mode.SEMI_AUTO, Mode.FULL_AUTO, Mode.FULL_AUTO, Mode.FULL_AUTO]
    return {
        bar: [chance.choice(modes) for _ in range(chance.randint(1, 2))] if chance.random() > 0.05 else [Mode.EMERGENCY]
        for bar in sorted(chance.sample(range(BARS), 40))
    }


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("start", [Mode.FULL_AUTO, Mode.MANUAL])
def test_the_model_is_asked_at_every_bar_of_full_auto_and_never_else(seed: int, start: Mode) -> None:
    strategy = led(random_plan(seed), start)

    expected = [mode for index, mode in enumerate(strategy.modes, 1) if index >= FEATURES.warmup_bars]
    assert strategy.model_failure is None
    assert strategy.witness.asked == [Mode.FULL_AUTO] * 2 * expected.count(Mode.FULL_AUTO)
    assert strategy.held == [mode is Mode.FULL_AUTO for mode in strategy.modes]
    assert len(set(strategy.modes)) > 1


def test_the_plans_reach_every_mode_and_ask_the_model() -> None:
    runs = [led(random_plan(seed), Mode.FULL_AUTO) for seed in range(4)]

    assert {mode for run in runs for mode in run.modes[FEATURES.warmup_bars :]} == set(Mode)
    assert all(run.witness.asked for run in runs)


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.SEMI_AUTO, Mode.EMERGENCY])
def test_a_run_outside_full_auto_asks_nothing(mode: Mode) -> None:
    strategy = led({}, mode)

    assert strategy.modes == [mode] * BARS
    assert strategy.witness.asked == []
    assert (strategy.entries > 0) is (mode is not Mode.EMERGENCY)  # Emergency generates no signals at all


class Told:
    """A strategy that only notes what it is told, and may do something about it."""

    def __init__(self, about: Any = None) -> None:
        self.told: list[bool] = []
        self.about = about

    def set_powers(self, powers: StrategyPowers) -> None:
        self.told.append(powers.use_model)
        if self.about is not None and powers.use_model:
            self.about()


def test_every_strategy_that_acts_on_powers_is_told_and_the_others_are_left_alone() -> None:
    one, two = Told(), Told()

    tell_mode([one, object(), two], lambda: Mode.FULL_AUTO)
    tell_mode([one, object(), two], lambda: Mode.SEMI_AUTO)

    assert one.told == two.told == [True, False]


def test_a_mode_that_ends_while_it_is_told_is_not_told_on() -> None:
    mode = [Mode.FULL_AUTO]

    def fails() -> None:
        mode[0] = Mode.SEMI_AUTO
        tell_mode(strategies, lambda: mode[0])

    last = Told()
    strategies: Sequence[Told] = [Told(), Told(fails), last]
    tell_mode(strategies, lambda: mode[0])

    assert [each.told[-1] for each in strategies] == [False, False, False]
    assert True not in last.told


def running(folder: str | None, **changes: Any) -> FusedStrategy:
    instrument = perpetual()
    return FusedStrategy(FusedConfig(instrument_ids=(instrument.id,), model_folder=folder, **changes))


def test_a_strategy_without_a_model_is_ready() -> None:
    assert models_not_ready([running(None), object()]) == ()


def test_a_model_that_can_be_read_is_ready(tmp_path: Path) -> None:
    folder = saved_schedule(tmp_path / "model", small_model(width=len(FEATURES.names)))
    strategy = running(str(folder), use_model=False)

    assert models_not_ready([strategy]) == ()
    assert strategy.model_failure is None


def test_a_missing_damaged_or_foreign_model_is_not_ready(tmp_path: Path) -> None:
    raw = small_model(width=len(FEATURES.names))
    foreign = saved_schedule(tmp_path / "foreign", raw, layout_hash="0" * 64)
    damaged = saved_schedule(tmp_path / "damaged", raw)
    (damaged / "fold_00.ubj").write_bytes(raw[:-1])
    missing = tmp_path / "missing"

    problems = models_not_ready([running(str(folder), use_model=False) for folder in (foreign, damaged, missing)])

    assert len(problems) == 3
    for problem, text in zip(problems, ("layout", "fold_00.ubj", "schedule.json"), strict=True):
        assert text in problem


def test_asking_whether_the_model_is_ready_mends_a_failure_that_is_over(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    strategy = running(str(folder), use_model=False)
    assert models_not_ready([strategy])
    assert strategy.model_failure is not None

    saved_schedule(folder, small_model(width=len(FEATURES.names)))

    assert models_not_ready([strategy]) == ()
    assert strategy.model_failure is None


def test_a_model_that_is_ready_is_not_read_again(tmp_path: Path) -> None:
    folder = saved_schedule(tmp_path / "model", small_model(width=len(FEATURES.names)))
    strategy = running(str(folder), use_model=False)
    assert models_not_ready([strategy]) == ()
    (folder / "schedule.json").unlink()

    assert models_not_ready([strategy]) == ()


def test_a_loaded_model_of_another_layout_is_not_ready(tmp_path: Path) -> None:
    folder = saved_schedule(tmp_path / "model", small_model(width=len(FEATURES.names)), layout_hash="0" * 64)
    strategy = running(str(folder))
    strategy._load_model()  # as the start does; nobody has asked it yet

    assert "layout" in models_not_ready([strategy])[0]


def test_a_model_that_cannot_be_read_on_the_way_up_is_a_failure_and_not_a_crash(tmp_path: Path) -> None:
    heard: list[str] = []

    class Promoted(FusedStrategy):
        """Is given the power of a model at its fifth bar."""

        bars = 0

        def on_bar(self, bar: Bar) -> None:
            self.bars += 1
            if self.bars == 5:
                self.set_powers(StrategyPowers())
            super().on_bar(bar)

    instrument = perpetual()
    folder = str(tmp_path / "nowhere")
    strategy = Promoted(FusedConfig(instrument_ids=(instrument.id,), model_folder=folder, use_model=False))
    strategy.on_model_failure(heard.append)
    engine = engine_with([instrument])
    engine.add_data(feed(instrument, MARKET[:10]))
    engine.add_strategy(strategy)
    engine.run()
    engine.dispose()

    assert strategy.bars == 10
    assert len(heard) == 1
    assert "nowhere" in heard[0]


def test_a_failed_model_drops_full_auto_to_semi_auto_for_all(tmp_path: Path) -> None:
    raw = small_model(width=len(FEATURES.names))
    foreign = saved_schedule(tmp_path / "foreign", raw, layout_hash="0" * 64)
    good = saved_schedule(tmp_path / "good", raw)
    assert ModelSchedule.load(good).layout_hash == FEATURES.layout_hash
    instruments = [perpetual(), perpetual("ETHUSDT-PERP")]
    strategies = [
        FusedStrategy(FusedConfig(instrument_ids=(instrument.id,), model_folder=str(folder), order_id_tag=tag))
        for instrument, folder, tag in zip(instruments, (foreign, good), ("001", "002"), strict=True)
    ]
    governor = ModeGovernor(
        start=StartDecision(Mode.FULL_AUTO, "configured"),
        config=AuthorisationConfig(),
        audit=AuditLog(),
        persist=lambda: None,
        apply=lambda mode, reason: tell_mode(strategies, lambda: governor.mode),
        now_ns=0,
    )
    governor.begin(0)
    engine = engine_with(instruments)
    now = engine.kernel.clock.timestamp_ns
    for strategy, instrument in zip(strategies, instruments, strict=True):
        strategy.on_model_failure(lambda reason: governor.demote(Mode.SEMI_AUTO, f"model failed: {reason}", now()))
        engine.add_data(feed(instrument, MARKET[:BARS]))
        engine.add_strategy(strategy)
    engine.run()
    engine.dispose()

    assert governor.mode is Mode.SEMI_AUTO
    assert [change.after for change in governor.history] == [Mode.SEMI_AUTO]
    assert isinstance(governor.history[0], ModeChange)
    assert [strategy.powers.use_model for strategy in strategies] == [False, False]
    assert all(slot.judge.learned is None for strategy in strategies for slot in strategy._slot_of.values())
