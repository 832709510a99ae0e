"""A run leaves a whole folder or none: interrupts, collisions, stores that fail, and what it says it was."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from catalog.ingest import ingest
from catalog.instruments import Kind
from catalog.model import BarColumns
from catalog.prepare import Request
from catalog.spec_files import shipped_spec
from catalog.store.parquet import Catalog
from errors import Bot4Error, ConfigError, PreconditionError
from research.backtest import folder as folders
from research.backtest import run as runs
from research.backtest.config import ReportSection, RunConfig, RunSection, StrategySection, load
from research.backtest.folder import config_fingerprint
from research.backtest.markets import read_stage
from research.reports.runs import list_runs
from research.venue.config import VenueConfig
from risk.control.config import ControlConfig
from risk.limits import DrawdownLimitConfig, LimitsConfig, PositionLimitConfig, ValueAtRiskLimitConfig
from risk.modes.triggers import DrawdownTriggerConfig, TriggersConfig
from tests.research.training.stores import HOUR_NS, START_NS, hourly_bars

SYMBOLS = ("BTCUSD.BITFINEX", "BTCUSD.BITSTAMP", "BTCUSDT.BINANCE")


def write_bars(folder, bars, length_ns=HOUR_NS):
    prices = {name: np.round(100 * getattr(bars, name), 1) for name in ("open", "high", "low", "close")}
    opened = pd.to_datetime(bars.ts_ns - length_ns, utc=True).as_unit("ms")
    pd.DataFrame({"ts": opened, **prices, "volume": np.round(bars.volume, 2)}).to_parquet(folder / "bars.parquet")
    return folder / "bars.parquet"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    path = write_bars(folder, hourly_bars(400, seed=3))
    for symbol in SYMBOLS:
        ingest(folder / "catalog", Request(path, shipped_spec(symbol)))
    return folder


@pytest.fixture
def fresh(home, tmp_path, monkeypatch):
    """A home of its own for a test that looks at the folder of runs; the catalog is shared."""
    (tmp_path / "catalog").symlink_to(home / "catalog")
    monkeypatch.setenv("BOT4_HOME", str(tmp_path))
    return tmp_path


def config(*instruments: str, mlflow: bool = False, **changes) -> RunConfig:
    return RunConfig(
        run=RunSection(
            name="small",
            instruments=instruments or SYMBOLS[:1],
            bar=changes.get("bar", "1-HOUR"),
            start="2020-01-03",
            end="2020-01-14",
        ),
        strategy=StrategySection(name="ema_cross", params={"trade_size": "0.001"}),
        report=ReportSection(random_runs=1, mlflow=mlflow),
    )


def everything_under(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("stage", ["replaying", "writing the report"])
def test_an_interrupt_leaves_no_folder(fresh, stage):
    def interrupt(name):
        if name == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(config(), step=interrupt)

    assert everything_under(fresh / "runs") == []


def test_the_folders_configuration_is_the_runs_own(fresh):
    report = runs.run(config())

    again = load(report.folder / "config.toml")
    assert again == config()
    assert config_fingerprint(again) == report.summary.config_fingerprint
    assert runs.run(again).summary.decision_hash == report.summary.decision_hash


def test_two_runs_of_one_millisecond_get_two_names(tmp_path, monkeypatch):
    class Stopped(folders.datetime):
        calls = 0

        @classmethod
        def now(cls, tz=None):
            cls.calls += 1
            return folders.datetime(2024, 1, 1, 0, 0, 0, 1_000 * (cls.calls // 3), tzinfo=tz)

    monkeypatch.setattr(folders, "datetime", Stopped)
    with folders.staged(tmp_path, config()) as (first, _), folders.staged(tmp_path, config()) as (second, _):
        assert first != second
    with folders.staged(tmp_path, config()) as (third, _):
        assert third not in (first, second)

    assert everything_under(tmp_path) == sorted([first, second, third])


def test_a_folder_of_runs_that_can_not_be_written_is_said_before_the_replay(fresh):
    (fresh / "runs").write_text("not a folder")
    told = []

    with pytest.raises(PreconditionError, match="can't be written"):
        runs.run(config(), step=told.append)
    assert "replaying" not in told


def test_a_run_that_mlflow_does_not_take_is_kept_and_named(fresh, monkeypatch):
    def locked(*_):
        raise OSError("database is locked")

    monkeypatch.setattr(runs, "log_run", locked)
    with pytest.raises(Bot4Error, match="database is locked") as caught:
        runs.run(config(mlflow=True))

    summaries, broken = list_runs(fresh / "runs")
    assert (len(summaries), broken) == (1, [])
    assert str(fresh / "runs" / summaries[0].run_id) in str(caught.value)


@pytest.mark.parametrize("other", SYMBOLS[1:])
def test_instruments_of_two_accounts_are_refused(home, other):
    with pytest.raises(ConfigError, match="share one venue, were of BI"):
        read_stage(Catalog(home / "catalog"), config(SYMBOLS[0], other))


def test_a_bar_size_has_one_form():
    assert config(bar="60-minute") == config(bar="1-HOUR")
    assert config_fingerprint(config(bar="60-MINUTE")) == config_fingerprint(config())


def test_only_what_is_read_is_fingerprinted_and_must_be_certified(tmp_path):
    bars = hourly_bars(400, seed=3)
    spec = shipped_spec(SYMBOLS[0])
    ingest(tmp_path / "catalog", Request(write_bars(tmp_path, bars), spec))
    catalog = Catalog(tmp_path / "catalog")
    alone = read_stage(catalog, config()).fingerprint

    minute_ns = HOUR_NS // 60
    minutes = BarColumns(START_NS + (bars.ts_ns - START_NS) // 60, *tuple(bars)[1:])
    ingest(tmp_path / "catalog", Request(write_bars(tmp_path, minutes, minute_ns), spec))

    assert len(catalog.datasets()) == 2
    assert read_stage(catalog, config()).fingerprint == alone


def test_interest_on_a_loan_is_audited_summed_and_explains_the_account(tmp_path, monkeypatch):
    monkeypatch.setenv("BOT4_HOME", str(tmp_path))
    spec = shipped_spec(SYMBOLS[0], Kind.MARGIN)
    ingest(tmp_path / "catalog", Request(write_bars(tmp_path, hourly_bars(400, seed=3)), spec))
    wide = LimitsConfig(
        position=PositionLimitConfig(enabled=False),
        drawdown=DrawdownLimitConfig(enabled=False),
        value_at_risk=ValueAtRiskLimitConfig(enabled=False),
    )
    free = ControlConfig(triggers=TriggersConfig(drawdown=DrawdownTriggerConfig(enabled=False)))
    venue = VenueConfig(starting_balance=10_000.0, borrow_rate_annual=2.0)
    base = config()
    params = {"trade_size": "1.5", "fast_ema_period": 5, "slow_ema_period": 10}
    loaned = RunConfig(
        run=base.run,
        strategy=StrategySection(name="ema_cross", params=params),
        limits=wide,
        control=free,
        venue=venue,
        report=base.report,
    )

    report = runs.run(loaned)

    lines = (report.folder / "audit.jsonl").read_bytes().splitlines()
    paid = sum(line["data"]["amount"] for line in map(msgspec.json.decode, lines) if line["kind"] == "INTEREST")
    assert paid > 1.0
    assert report.summary.interest == pytest.approx(-paid)
    earned = pd.read_parquet(report.folder / "positions.parquet").realized_pnl.sum()
    cash = pd.read_parquet(report.folder / "equity.parquet").cash.iloc[-1]
    assert cash - 10_000.0 == pytest.approx(earned - paid, abs=0.02)
    assert "Interest" in (report.folder / "tearsheet.html").read_text(encoding="utf-8")
    assert not any("unexplained" in warning for warning in report.summary.warnings)
