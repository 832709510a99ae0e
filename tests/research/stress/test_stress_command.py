"""Stress of a run's portfolio and of a file, through the command and as a drawing."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from catalog.sample.ingest import ingest_sample
from catalog.store.parquet import Catalog
from errors import ConfigError, PreconditionError
from research.backtest.config import load
from research.backtest.run import run
from research.stress.cli import app
from research.stress.plot import figure
from research.stress.run_portfolio import _net_positions, portfolio_of_run
from risk.reverse_stress import reverse_stress
from risk.stress import run_scenarios
from risk.stress_portfolio import StressPortfolio, StressPosition
from risk.stress_scenarios import HISTORICAL, parametric

CONFIG = """
[run]
name = "stressed"
instruments = ["BTCUSD.BITFINEX", "ETHUSD.BITFINEX"]
bar = "30-MINUTE"
start = "2019-04-01"
end = "2019-05-15"

[strategy.params]
allow_short = false

[limits.drawdown]
window_days = 10

[report]
random_runs = 1
mlflow = false
"""

FILE = {
    "cash": 10_000,
    "positions": [
        {"instrument": "BTCUSDT-PERP.BINANCE", "signed_quantity": 0.1, "entry_price": 60_000, "mark": 60_000},
        {"instrument": "ETHUSDT-PERP.BINANCE", "signed_quantity": -0.5, "entry_price": 3_000, "mark": 3_000},
    ],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("stress")
    ingest_sample(home / "catalog")
    (home / "config.toml").write_text(CONFIG)
    run(load(home / "config.toml"), home=home)
    return home


@pytest.fixture
def folder(home: Path) -> Path:
    return next(path for path in (home / "runs").iterdir() if path.is_dir() and not path.name.startswith("."))


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def file(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "portfolio.json"
    path.write_bytes(msgspec.json.encode(FILE | changes))
    return path


# -- the portfolio of a run -------------------------------------------------------------------------------------------


def test_a_runs_portfolio_is_worth_what_the_run_recorded_at_any_instant(home: Path, folder: Path) -> None:
    curve = pq.read_table(folder / "equity.parquet").to_pandas()
    held = curve[curve["open_positions"] > 0]
    assert len(held) > 50
    for _, row in held.iloc[:: max(1, len(held) // 12)].iterrows():
        instant = f"{row['ts_ns'].astype('datetime64[ns]')}Z"
        portfolio = portfolio_of_run(folder, Catalog(home / "catalog"), instant)

        assert portfolio.ts_ns == row["ts_ns"]
        assert portfolio.equity == pytest.approx(row["equity"], rel=1e-9)
        assert len(portfolio.positions) == row["open_positions"]
        window = curve[(curve["ts_ns"] <= row["ts_ns"]) & (curve["ts_ns"] > row["ts_ns"] - 10 * 86_400 * 10**9)]
        assert portfolio.peak_equity is not None
        assert portfolio.peak_equity <= window["equity"].max() + 1e-9
        assert portfolio.limits.drawdown.window_days == 10
        assert all(position.spot for position in portfolio.positions)


def test_the_peak_is_the_largest_exposure_and_the_end_the_last_bar(home: Path, folder: Path) -> None:
    curve = pq.read_table(folder / "equity.parquet").to_pandas()
    catalog = Catalog(home / "catalog")

    assert portfolio_of_run(folder, catalog, "peak").exposure == pytest.approx(curve["exposure_gross"].max())
    assert portfolio_of_run(folder, catalog).ts_ns == curve["ts_ns"].iloc[-1]


@pytest.mark.parametrize("at", ["yesterday", "2018-01-01"])
def test_an_instant_that_is_none_or_too_early_is_refused(home: Path, folder: Path, at: str) -> None:
    with pytest.raises(ConfigError, match="--at"):
        portfolio_of_run(folder, Catalog(home / "catalog"), at)


def test_bars_that_are_not_the_runs_own_are_found_out(home: Path, folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / folder.name
    broken.mkdir()
    for name in ("config.toml", "equity.parquet"):
        (broken / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(PreconditionError, match=r"no fills\.parquet"):
        portfolio_of_run(broken, Catalog(home / "catalog"), "peak")

    fills = pq.read_table(folder / "fills.parquet")
    pq.write_table(fills.slice(1), broken / "fills.parquet")
    with pytest.raises(PreconditionError, match="no longer holds the bars"):
        portfolio_of_run(broken, Catalog(home / "catalog"), "peak")


def test_fills_are_netted_at_the_average_entry(tmp_path: Path) -> None:
    rows = [
        (1, "A", "BUY", 1.0, 100.0),
        (2, "A", "BUY", 3.0, 120.0),  # 4 at 115
        (3, "A", "SELL", 1.0, 999.0),  # 3 at 115
        (4, "B", "SELL", 0.3, 10.0),
        (5, "A", "SELL", 5.0, 90.0),  # turned: -2 at 90
        (6, "B", "BUY", 0.1, 11.0),
        (7, "B", "BUY", 0.1, 11.0),
        (8, "B", "BUY", 0.1, 11.0),  # flat, whatever binary rounding says
        (9, "A", "BUY", 1.0, 1.0),
    ]
    names = ("ts_ns", "instrument", "side", "quantity", "price")
    table = pa.table({name: [row[index] for row in rows] for index, name in enumerate(names)})
    pq.write_table(table, tmp_path / "fills.parquet")

    assert _net_positions(tmp_path / "fills.parquet", 2) == {"A": (4.0, 115.0)}
    assert _net_positions(tmp_path / "fills.parquet", 3) == {"A": (3.0, 115.0)}
    assert _net_positions(tmp_path / "fills.parquet", 8) == {"A": (-2.0, 90.0)}
    assert _net_positions(tmp_path / "fills.parquet", 0) == {}


# -- the command ------------------------------------------------------------------------------------------------------


def test_json_holds_portfolio_scenarios_and_moves(tmp_path: Path) -> None:
    result = command("--portfolio", file(tmp_path), "--json")

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["equity"] == 10_000.0
    by_name = {scenario["name"]: scenario for scenario in answer["scenarios"]}
    assert by_name["price -50%"]["pnl"] == pytest.approx(-3_000.0 + 750.0)
    assert by_name["BINANCE lost"]["equity"] == 0.0
    assert by_name["2020-03-12 pandemic"]["pnl"] == pytest.approx(-0.4736 * 6_000.0 + 0.4832 * 1_500.0)
    assert {breach["direction"] for breach in answer["reverse"]} == {"DOWN", "UP", "WORST"}


def test_the_table_tells_a_person(tmp_path: Path) -> None:
    result = command("--portfolio", file(tmp_path))

    assert result.exit_code == 0
    for text in ("2022-05 LUNA", "VALUE_AT_RISK", "Smallest move that breaks a limit", "never"):
        assert text in result.stdout


def test_a_breach_fails_only_where_it_is_asked_to_and_only_where_it_is_new(tmp_path: Path) -> None:
    assert command("--portfolio", file(tmp_path)).exit_code == 0
    failed = command("--portfolio", file(tmp_path), "--fail-on-breach", "--json")
    assert failed.exit_code == 5
    assert json.loads(failed.stdout)["scenarios"]
    off = {name: {"enabled": False} for name in ("drawdown", "daily_loss", "value_at_risk", "leverage")}
    spot = {"instrument": "BTCUSDT.BINANCE", "signed_quantity": 0.1, "entry_price": 1, "mark": 60_000, "spot": True}
    assert command("--portfolio", file(tmp_path, limits=off, positions=[spot]), "--fail-on-breach").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "either --portfolio FILE or --run NAME"),
        (("--portfolio", "x.json", "--run", "latest"), 2, "either"),
        (("--portfolio", "x.json", "--at", "peak"), 2, "--at needs --run"),
        (("--portfolio", "/nowhere/x.json"), 2, "file not found"),
    ],
)
def test_a_wrong_use_says_what_is_expected(arguments: tuple[str, ...], code: int, text: str) -> None:
    result = command(*arguments, "--json")

    assert result.exit_code == code
    assert text in json.loads(result.stdout)["error"]


def test_an_account_without_equity_is_not_stressed(tmp_path: Path) -> None:
    assert command("--portfolio", file(tmp_path, cash=0)).exit_code == 3


def test_a_run_is_found_by_its_name(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT4_HOME", str(home))

    result = command("--run", "latest", "--at", "peak", "--json")

    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["portfolio"]["positions"]) >= 1
    assert command("--run", "none", "--json").exit_code == 3


# -- the drawing ------------------------------------------------------------------------------------------------------


def test_the_page_needs_no_network_and_shows_every_scenario(tmp_path: Path) -> None:
    result = command("--portfolio", file(tmp_path), "--plot", tmp_path / "stress.html", "--json")

    assert result.exit_code == 0, result.output
    page = (tmp_path / "stress.html").read_text()
    assert "<script src=" not in page
    assert "2024-08-05 carry" in page


def test_bars_and_labels_are_the_outcomes_own() -> None:
    held = StressPortfolio(
        cash=10_000.0,
        positions=(
            StressPosition(instrument="BTCUSDT-PERP.BINANCE", signed_quantity=2.0, entry_price=6e4, mark=6e4),
            StressPosition(instrument="ETHUSDT.BINANCE", signed_quantity=1.0, entry_price=3e3, mark=3e3, spot=True),
        ),
    )
    outcomes = run_scenarios(held, HISTORICAL + parametric(held.venues))
    breaches = reverse_stress(held)

    drawing = figure(outcomes, breaches, "title")

    drawn = {name: value for bar in drawing.data if bar.xaxis == "x" for name, value in zip(bar.y, bar.x, strict=True)}
    assert drawn == {outcome.name: 100.0 * outcome.pnl_fraction for outcome in outcomes}
    colours = {name: bar.marker.color for bar in drawing.data if bar.xaxis == "x" for name in bar.y}
    assert {name for name, colour in colours.items() if colour == "#b3261e"} == {
        outcome.name for outcome in outcomes if outcome.liquidated
    }
    assert list(drawing.layout.yaxis.categoryarray) == [outcome.name for outcome in outcomes][::-1]
    moves = [bar for bar in drawing.data if bar.xaxis == "x3"]
    assert sum(len(bar.x) for bar in moves) == len(breaches)
