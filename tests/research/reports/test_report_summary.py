"""The summary: figures by hand, doubts stated, and every degenerate run described without a false number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from synthetic_run import HOUR, START, write_run

from errors import PreconditionError
from research.reports.record import Record, read_record
from research.reports.report import ReportConfig, write_report
from research.reports.schema import Baselines, Summary
from research.reports.summary import summarise

SPEC_FIELDS = [
    "run_id",
    "instruments",
    "start",
    "end",
    "bars",
    "mode",
    "intents",
    "orders",
    "fills",
    "rejections",
    "start_equity",
    "final_equity",
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "fees",
    "funding",
    "liquidations",
    "exposure",
    "turnover",
    "trades",
    "win_rate",
    "profit_factor",
    "baselines",
    "trials",
    "deflated_sharpe",
    "decision_hash",
    "wall_seconds",
    "warnings",
]

DAY = 24 * HOUR


def small(tmp_path: Path, **tables: pd.DataFrame) -> Record:
    """Take an idle run of four days and replace some of its tables."""
    folder = tmp_path / "small"
    write_run(folder, trades=0, refused=0, hours=96)
    return read_record(folder)._replace(**tables)


def equity_frame(values: list[float], exposure: list[float], positions: list[int]) -> pd.DataFrame:
    ts_ns = START + DAY * np.arange(1, len(values) + 1, dtype=np.int64)
    return pd.DataFrame(
        {
            "ts_ns": ts_ns,
            "equity": values,
            "cash": values,
            "exposure_gross": exposure,
            "exposure_net": exposure,
            "liquidation_distance": [math.nan, 0.4, 0.25, math.nan],
            "open_positions": positions,
        }
    )


def position(net: float, funding: float, opened: int, closed: int | None, side: str = "LONG") -> dict[str, Any]:
    return {
        "ts_opened_ns": START + opened * HOUR, "ts_closed_ns": None if closed is None else START + closed * HOUR,
        "instrument": "BTCUSDT-PERP.BINANCE", "strategy": "fused-001", "side": side, "quantity_peak": 1.0,
        "entry_price": 50_000.0, "exit_price": 50_000.0, "realized_pnl": net, "fees": 10.0, "funding": funding,
        "exit_role": "EXIT",
    }  # fmt: skip


def positions_frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows)).astype({"ts_closed_ns": "Int64"})


def test_figures_by_hand(tmp_path: Path) -> None:
    equity = equity_frame([110_000, 99_000, 99_000, 104_000], [0, 55_000, 99_000, 0], [0, 1, 1, 0])
    positions = positions_frame(position(6_000, -500, 24, 48), position(-1_400, -100, 50, 54, "SHORT"))
    summary = summarise(small(tmp_path, equity=equity, positions=positions), baselines=Baselines())

    assert summary.total_return == pytest.approx(0.04)
    assert summary.cagr == pytest.approx(1.04 ** (365 / 4) - 1)
    assert summary.max_drawdown == pytest.approx(-0.1)
    assert summary.max_drawdown_days == pytest.approx(3.0)
    returns = np.array([0.1, -0.1, 0.0, 5 / 99])
    assert summary.volatility == pytest.approx(returns.std(ddof=1) * math.sqrt(365))
    assert summary.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365))
    assert summary.sortino == pytest.approx(returns.mean() * 365 / math.sqrt(0.01 / 4 * 365))
    assert summary.calmar == pytest.approx((1.04 ** (365 / 4) - 1) / 0.1)
    # in the market from the second row to the fourth, two of three days
    assert summary.exposure == pytest.approx(2 / 3)
    assert summary.leverage_max == pytest.approx(1.0)
    assert summary.leverage_mean == pytest.approx((0 + 55 / 99 + 1.0) / 3)
    assert summary.liquidation_distance_min == 0.25
    # net of funding: 5,500 won, 1,500 lost
    assert (summary.trades, summary.win_rate) == (2, 0.5)
    assert summary.profit_factor == pytest.approx(5_500 / 1_500)
    assert summary.trade_mean == pytest.approx(2_000)
    assert summary.holding_hours_mean == pytest.approx(14.0)
    assert not any("unexplained" in text for text in summary.warnings)


def test_change_of_equity_that_trades_do_not_explain_is_said(tmp_path: Path) -> None:
    equity = equity_frame([100_000, 100_000, 100_000, 101_000], [0] * 4, [0] * 4)
    closed = small(tmp_path, equity=equity, positions=positions_frame(position(400, 0, 24, 48)))
    assert any("600.00 are unexplained" in text for text in summarise(closed, baselines=Baselines()).warnings)
    still_open = closed._replace(positions=positions_frame(position(400, 0, 24, 48), position(0, 0, 50, None)))
    summary = summarise(still_open, baselines=Baselines())
    assert not any("unexplained" in text for text in summary.warnings)
    assert (summary.trades, summary.open_positions) == (1, 1)


def test_rows_that_are_not_numbers_are_left_out_and_said(tmp_path: Path) -> None:
    equity = equity_frame([100_000, math.nan, 100_000, 102_000], [0] * 4, [0] * 4)
    positions = positions_frame(position(2_000, 0, 24, 48))
    summary = summarise(small(tmp_path, equity=equity, positions=positions), baselines=Baselines())
    assert summary.total_return == pytest.approx(0.02)
    assert any("1 equity rows are not numbers" in text for text in summary.warnings)


def test_warm_up_before_the_start_does_not_count(tmp_path: Path) -> None:
    equity = equity_frame([100_000, 101_000, 102_000, 103_000], [0, 0, 101_000, 0], [0, 0, 1, 0])
    positions = positions_frame(position(3_000, 0, 24, 48))
    whole = small(tmp_path, equity=equity, positions=positions)
    # the rows are at the starts of 2 to 5 January; one exactly at the start is before it, too
    manifest = msgspec.structs.replace(whole.manifest, start="2021-01-03T00:00:00Z")
    summary = summarise(whole._replace(manifest=manifest), baselines=Baselines())
    assert summary.track_record_days == 2
    assert summary.exposure == 1.0
    assert summary.cagr == pytest.approx(1.03 ** (365 / 2) - 1)


def test_rich_run_has_every_field_of_the_specification(rich_run: Path) -> None:
    document = json.loads((rich_run / "summary.json").read_text())
    assert [name for name in SPEC_FIELDS if name not in document] == []
    assert set(document["baselines"]) == {"buy_and_hold", "random"}
    assert document["baselines"]["random"]["seeds"] == 100
    assert document["baselines"]["random"]["trades"] == document["trades"] == 150


def test_totals_of_the_rich_run_are_sums_of_its_tables(rich_run: Path) -> None:
    summary = json.loads((rich_run / "summary.json").read_text())
    fills = pd.read_parquet(rich_run / "fills.parquet")
    positions = pd.read_parquet(rich_run / "positions.parquet")
    lines = [json.loads(line) for line in (rich_run / "decisions.jsonl").read_text().splitlines()]
    assert summary["fees"] == pytest.approx(fills["fee"].sum())
    assert summary["slippage"] == pytest.approx(fills["slippage"].sum())
    assert summary["funding"] == pytest.approx(positions["funding"].sum())
    assert summary["funding"] != 0.0
    assert summary["intents"] == len(lines)
    assert sum(summary["rejections"].values()) == sum(line["verdict"] == "REFUSED" for line in lines) == 40
    assert next(iter(summary["rejections"])) == "POSITION_LIMIT_EXCEEDED"
    assert summary["final_equity"] - summary["start_equity"] == pytest.approx(
        positions["realized_pnl"].sum() + positions["funding"].sum()
    )


def test_degenerate_runs_have_only_finite_numbers_or_null(degenerate_run: tuple[str, Path, Summary]) -> None:
    name, folder, summary = degenerate_run

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    document = json.loads((folder / "summary.json").read_text(), parse_constant=refuse)
    if name in {"no_trades", "all_refused", "two_bars"}:
        assert document["sharpe"] is document["profit_factor"] is document["win_rate"] is None
        assert document["baselines"]["random"]["percentile"] is None
        assert document["total_return"] == document["fees"] == document["exposure"] == 0.0
        assert document["baselines"]["buy_and_hold"]["total_return"] != 0.0
    if name == "all_refused":
        assert sum(summary.rejections.values()) == summary.intents == 60
        assert summary.orders == 0
    if name == "liquidated":
        assert summary.liquidations == 1
        assert not summary.sane
        assert summary.cagr == -1.0
        assert any("ruined" in text for text in summary.warnings)
    if name == "single_day":
        assert any("too short" in text for text in summary.warnings)
        assert summary.sharpe is None


def test_same_run_gives_the_same_report(tmp_path: Path) -> None:
    for name in ("one", "two"):
        markets = write_run(tmp_path / name, hours=24 * 30, trades=20, run_id="same")
        write_report(tmp_path / name, markets)
    for file in ("summary.json", "tearsheet.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_trials_lower_the_deflated_ratio_and_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    markets = write_run(folder, hours=24 * 60, trades=30, skill=0.9)
    alone = write_report(folder, markets, config=ReportConfig(random_seeds=2))
    among = write_report(folder, markets, config=ReportConfig(random_seeds=2), trial_sharpes=[0.0, -0.1, 0.2])
    assert (alone.trials, among.trials) == (1, 4)
    assert alone.deflated_sharpe == alone.probabilistic_sharpe
    assert among.deflated_sharpe is not None
    assert alone.deflated_sharpe is not None
    assert among.deflated_sharpe < alone.deflated_sharpe


def test_run_too_good_to_be_true_is_not_sane(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    summary = write_report(folder, write_run(folder, hours=24 * 100, trades=100, skill=1.0))
    assert not summary.sane
    assert "above the sanity band" in summary.warnings[0]


def test_report_without_markets_says_nothing_about_baselines(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_run(folder, hours=24 * 3, trades=4)
    summary = write_report(folder, {})
    assert summary.baselines == Baselines()
    assert not (folder / "baselines.parquet").exists()
    assert "Buy and hold" not in (folder / "tearsheet.html").read_text()


@pytest.mark.parametrize("name", ["manifest.json", "equity.parquet", "decisions.jsonl", "audit.jsonl"])
def test_missing_file_is_named_with_its_run(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "broken"
    markets = write_run(folder, hours=48, trades=2)
    (folder / name).unlink()
    with pytest.raises(PreconditionError, match=f"run broken: {name} is missing"):
        write_report(folder, markets)


@pytest.mark.parametrize("name", ["manifest.json", "fills.parquet", "decisions.jsonl"])
def test_torn_file_is_named_with_its_run(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "broken"
    markets = write_run(folder, hours=48, trades=2)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) - 30])
    with pytest.raises(PreconditionError, match=rf"run broken: {name}.* is corrupt"):
        write_report(folder, markets)


def test_missing_column_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    markets = write_run(folder, hours=48, trades=2)
    fills = pd.read_parquet(folder / "fills.parquet").drop(columns=["slippage", "fee"])
    fills.to_parquet(folder / "fills.parquet")
    with pytest.raises(PreconditionError, match=r"run broken: fills.parquet lacks the columns fee, slippage"):
        write_report(folder, markets)
