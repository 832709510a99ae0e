"""The fused strategy with its real features, rules and a trained model: no look-ahead, powers kept, failures told."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nautilus_trader.model.data import Bar

from errors import PreconditionError
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from strategies.library.fused import FusedStrategy
from strategies.library.fused_config import FusedConfig
from strategies.library.powers import StrategyPowers
from strategies.models.schedule import Entry, ModelSchedule, Provenance
from strategies.signals.signal import decode_tag
from tests.strategies.library.simulated_market import Ohlc, close_ns, engine_with, feed, perpetual
from tests.strategies.models.forests import small_model

BARS = 420
MODEL_FROM = 200
FEATURES = FeatureSet(DEFAULT_SPECS)


def wandering(count: int, seed: int = 5) -> list[Ohlc]:
    """Return bars of a price that wanders by 0.6 % a bar."""
    random = np.random.default_rng(seed)
    prices = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.006, count + 1)))
    wicks = np.abs(random.normal(0.0, 0.002, (count, 2)))
    return [
        Ohlc(before, max(before, after) * (1 + up), min(before, after) * (1 - down), after)
        for before, after, (up, down) in zip(prices[:-1], prices[1:], wicks, strict=True)
    ]


MARKET = wandering(BARS)


@pytest.fixture(scope="module")
def raw_model() -> bytes:
    return small_model(rounds=8, width=len(FEATURES.names))


def saved_schedule(folder: Path, raw: bytes, layout_hash: str = FEATURES.layout_hash) -> Path:
    """Write a schedule whose one model is valid from bar `MODEL_FROM` on."""
    provenance = Provenance(
        name="test",
        layout_hash=layout_hash,
        features=DEFAULT_SPECS,
        instruments=("BTCUSDT-PERP.SIM",),
        bar="1-HOUR",
        horizon_bars=8,
        embargo_ns=0,
        data_fingerprint="synthetic",
        code_version="1",
        seed=1,
    )
    entry = Entry(
        valid_from_ns=close_ns(MODEL_FROM),
        valid_to_ns=None,
        trained_until_ns=close_ns(MODEL_FROM - 10),
        base_rate=0.5,
        file="fold_00.ubj",
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    ModelSchedule.build(provenance, [entry], {entry.file: raw}).save(folder)
    return folder


def traded(rows: list[Ohlc], **changes: Any) -> tuple[FusedStrategy, list[dict[str, Any]]]:
    """Run the strategy over bars and return it with its entries: time, quantity, signal."""
    instrument = perpetual()
    strategy = FusedStrategy(FusedConfig(instrument_ids=(instrument.id,), entry_strength=0.2, **changes))
    engine = engine_with([instrument])
    engine.add_data(feed(instrument, rows))
    engine.add_strategy(strategy)
    engine.run()
    entries = [order for order in engine.cache.orders() if "ENTRY" in order.tags]
    found = [
        {
            "id": order.client_order_id.value,
            "ts": order.init_event.ts_init,
            "side": order.side,
            "quantity": str(order.quantity),
            "signal": order.tags[1],
        }
        for order in sorted(entries, key=lambda order: order.init_event.ts_init)
    ]
    engine.dispose()
    return strategy, found


def test_cutting_the_future_off_changes_no_earlier_decision(tmp_path: Path, raw_model: bytes) -> None:
    folder = str(saved_schedule(tmp_path / "model", raw_model))
    _, whole = traded(MARKET, model_folder=folder)
    assert len(whole) > 20
    assert {entry["side"] for entry in whole} == {1, 2}

    for cut in (90, 201, 258, 333, 417):
        _, prefix = traded(MARKET[:cut], model_folder=folder)
        assert prefix == [entry for entry in whole if entry["ts"] <= close_ns(cut - 1)]


def test_two_runs_decide_the_same(tmp_path: Path, raw_model: bytes) -> None:
    folder = str(saved_schedule(tmp_path / "model", raw_model))

    assert traded(MARKET, model_folder=folder)[1] == traded(MARKET, model_folder=folder)[1]


def test_the_model_has_a_say_from_its_first_valid_bar_on_and_not_before(tmp_path: Path, raw_model: bytes) -> None:
    folder = str(saved_schedule(tmp_path / "model", raw_model))

    strategy, entries = traded(MARKET, model_folder=folder)

    before = [entry for entry in entries if entry["ts"] < close_ns(MODEL_FROM)]
    after = [entry for entry in entries if entry["ts"] >= close_ns(MODEL_FROM)]
    assert before
    assert after
    assert all(decode_tag(entry["signal"])["contributions"]["ml"] is None for entry in before)
    assert all(decode_tag(entry["signal"])["contributions"]["ml"] is not None for entry in after)
    assert strategy.model_failure is None


def test_without_the_power_the_model_is_not_even_loaded(tmp_path: Path) -> None:
    strategy, entries = traded(MARKET, model_folder=str(tmp_path / "nowhere"), use_model=False)

    assert entries
    assert all(decode_tag(entry["signal"])["contributions"]["ml"] is None for entry in entries)
    assert strategy.model_failure is None


def test_a_model_that_should_be_there_and_is_not_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="nowhere"):
        traded(MARKET[:10], model_folder=str(tmp_path / "nowhere"))


def test_a_model_of_another_feature_layout_is_reported_once_and_the_rules_go_on(
    tmp_path: Path, raw_model: bytes
) -> None:
    folder = saved_schedule(tmp_path / "model", raw_model, layout_hash=hashlib.sha256(b"another").hexdigest())
    heard: list[str] = []
    instrument = perpetual()
    config = FusedConfig(instrument_ids=(instrument.id,), entry_strength=0.2, model_folder=str(folder))
    strategy = FusedStrategy(config)
    strategy.on_model_failure(heard.append)
    engine = engine_with([instrument])
    engine.add_data(feed(instrument, MARKET))
    engine.add_strategy(strategy)

    engine.run()

    assert len(heard) == 1
    assert "layout" in heard[0]
    assert strategy.model_failure == heard[0]
    late = [order for order in engine.cache.orders() if "ENTRY" in order.tags and order.ts_init > close_ns(MODEL_FROM)]
    assert late


def test_a_listener_may_take_the_model_away_for_good(tmp_path: Path, raw_model: bytes) -> None:
    class Broken(FusedStrategy):
        """Fails at the first question, as a damaged feature would make it."""

        def on_bar(self, bar: Bar) -> None:
            super().on_bar(bar)
            asked.append(self.powers.use_model)

    asked: list[bool] = []
    folder = saved_schedule(tmp_path / "model", raw_model, layout_hash=hashlib.sha256(b"another").hexdigest())
    instrument = perpetual()
    strategy = Broken(FusedConfig(instrument_ids=(instrument.id,), model_folder=str(folder)))
    strategy.on_model_failure(lambda _: strategy.set_powers(StrategyPowers(use_model=False)))
    engine = engine_with([instrument])
    engine.add_data(feed(instrument, MARKET[:MODEL_FROM]))
    engine.add_strategy(strategy)

    engine.run()

    # the first question comes when every feature is warm
    assert asked.index(False) == FEATURES.warmup_bars - 1
    assert not any(asked[FEATURES.warmup_bars - 1 :])


def test_the_engines_reset_gives_a_second_run_like_the_first() -> None:
    instrument = perpetual()
    strategy = FusedStrategy(FusedConfig(instrument_ids=(instrument.id,), entry_strength=0.2))
    engine = engine_with([instrument])
    engine.add_data(feed(instrument, MARKET[:200]))
    engine.add_strategy(strategy)

    engine.run()
    first = [(order.client_order_id.value, order.tags) for order in engine.cache.orders()]
    engine.reset()
    engine.run()
    second = [(order.client_order_id.value, order.tags) for order in engine.cache.orders()]

    assert first
    assert sorted(first) == sorted(second)
