"""The main job on five years of real perpetuals: funding, fees, liquidation, refusals, and the same hash twice."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd
import pytest
from workspace import CONFIGS, Workspace

from catalog.store.parquet import Catalog
from research.reports.runs import RUN_FILES
from risk.audit import verify
from strategies.models.schedule import ModelSchedule

pytestmark = [pytest.mark.xdist_group("usdm"), pytest.mark.timeout(600)]

TIGHT = """
[run]
name = "tight"
instruments = ["BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"]
bar = "1-HOUR"
start = "2021-01-01"
end = "2021-06-30"

[model]
name = "usdm-1h"

[mode]
mode = "MODE"
OPERATOR

[limits.drawdown]
max = 0.05
window_days = 10

[limits.position]
max = 0.01

[limits.value_at_risk]
enabled = false

[control.triggers.drawdown]
enabled = false

[venue]
starting_balance = 100000.0

[report]
random_runs = 5
mlflow = false
"""


def decisions(folder: str | Path) -> list[dict]:
    return [msgspec.json.decode(line) for line in (Path(folder) / "decisions.jsonl").read_bytes().splitlines()]


def tight(space: Workspace, mode: str, operator: str = "") -> dict:
    text = TIGHT.replace("MODE", mode).replace("OPERATOR", operator)
    return space.json("backtest", "run", space.config(f"{mode}.toml", text), "--no-strict")


@pytest.fixture(scope="module")
def five_years(usdm: Workspace) -> dict:
    return usdm.json("backtest", "run", CONFIGS / "backtest-usdm-1h.toml", "--no-strict")


def test_five_years_give_decisions_fills_funding_and_refusals(five_years: dict) -> None:
    summary = five_years["summary"]

    assert summary["intents"] > 2_000
    assert summary["fills"] > 300
    assert summary["funding"] != 0.0
    assert summary["fees"] > 0.0
    assert len(summary["rejections"]) >= 2, summary["rejections"]
    assert summary["baselines"]["buy_and_hold"]["total_return"] > 0.0
    assert summary["bars"] == 2 * (5 * 365 + 2) * 24


def test_the_folder_is_complete_and_its_figures_agree(five_years: dict) -> None:
    folder, summary = Path(five_years["folder"]), five_years["summary"]
    assert {path.name for path in folder.iterdir()} >= set(RUN_FILES)

    fills = pd.read_parquet(folder / "fills.parquet")
    positions = pd.read_parquet(folder / "positions.parquet")
    equity = pd.read_parquet(folder / "equity.parquet")
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    assert fills.fee.sum() == pytest.approx(summary["fees"])
    # on its way back from an Emergency the run passes through SemiAuto, where an intent has a second line: its answer
    assert len(decisions(folder)) == summary["intents"] + summary["parked"]
    assert manifest["decision_hash"] == summary["decision_hash"]
    assert verify(folder / "audit.jsonl") is None

    # Every cent of the account is explained: what trades won, net of fees, and what funding paid or took.
    cash = equity.cash.iloc[-1] - manifest["start_equity"]
    assert cash == pytest.approx(positions.realized_pnl.sum() + summary["funding"], abs=0.01)


def test_the_tearsheet_is_one_small_file_that_needs_no_network(five_years: dict) -> None:
    page = (Path(five_years["folder"]) / "tearsheet.html").read_text(encoding="utf-8")

    assert len(page) < 6_000_000
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert five_years["summary"]["decision_hash"] in page


def test_no_fold_was_trained_on_what_it_predicts(usdm: Workspace) -> None:
    model = usdm.json("model", "list")["models"][0]
    folder = next((usdm.home / "mlartifacts").glob(f"{model['run_id']}/**/schedule.json")).parent
    schedule = ModelSchedule.load(folder)

    assert len(schedule.entries) >= 5
    for entry in schedule.entries:
        assert entry.trained_until_ns < entry.valid_from_ns
        assert schedule.at(entry.valid_from_ns - 1) is not schedule.at(entry.valid_from_ns)
    assert schedule.at(schedule.entries[0].valid_from_ns - 1) is None


def test_the_same_run_again_gives_the_same_hash(usdm: Workspace) -> None:
    first, second = (tight(usdm, "FullAuto") for _ in range(2))

    assert first["summary"]["decision_hash"] == second["summary"]["decision_hash"]
    same = usdm.json("backtest", "compare", Path(first["folder"]).name, Path(second["folder"]).name)
    assert same is not None


def test_tight_limits_refuse_by_several_rules(usdm: Workspace) -> None:
    rejections = tight(usdm, "FullAuto")["summary"]["rejections"]

    assert {"DAILY_LOSS_EXCEEDED", "DRAWDOWN_EXCEEDED"} <= set(rejections), rejections


def test_manual_gives_no_automated_fill(usdm: Workspace) -> None:
    summary = tight(usdm, "Manual")["summary"]

    assert summary["intents"] > 0
    assert summary["fills"] == 0
    assert set(summary["rejections"]) == {"MODE_FORBIDS"}


def test_emergency_opens_nothing(usdm: Workspace) -> None:
    assert tight(usdm, "Emergency")["summary"]["fills"] == 0


def test_semi_auto_trades_only_what_the_operator_approves(usdm: Workspace) -> None:
    rules = '\n[mode.operator]\npolicy = "rules"\n[mode.operator.rules]\nconfidence_min = 0.4\n'
    report = tight(usdm, "SemiAuto", rules)
    lines = decisions(report["folder"])
    approved = {line["order"]["id"] for line in lines if line["verdict"] == "APPROVED" and line["signal"]}
    parked = {line["order"]["id"]: line for line in lines if line["verdict"] == "PARKED" and line["signal"]}
    rejected = {line["order"]["id"] for line in lines if line["code"] == "APPROVAL_REJECTED" and line["signal"]}

    assert approved
    assert rejected
    assert approved <= set(parked)
    assert all(parked[key]["signal"]["confidence"] >= 0.4 for key in approved)
    assert all(parked[key]["signal"]["confidence"] < 0.4 for key in rejected)
    fills = pd.read_parquet(Path(report["folder"]) / "fills.parquet")
    assert set(fills[fills.role == "ENTRY"].client_order_id) <= approved


@pytest.mark.parametrize(
    ("mode", "operator", "after_s"),
    [
        ("FullAuto", "", 0.05),
        ("SemiAuto", '\n[mode.operator]\npolicy = "approve_all"\nlatency = {spread = "fixed", median_s = 8.0}\n', 8.05),
    ],
)
def test_entries_fill_at_the_next_bars_open(usdm: Workspace, mode: str, operator: str, after_s: float) -> None:
    folder = Path(tight(usdm, mode, operator)["folder"])
    fills = pd.read_parquet(folder / "fills.parquet")
    entries = fills[fills.role == "ENTRY"]
    decided = pd.read_parquet(folder / "orders.parquet").set_index("client_order_id").ts_ns
    catalog = Catalog(usdm.home / "catalog")
    hour_ns = 3_600_000_000_000

    assert len(entries) > 20
    for name, rows in entries.groupby("instrument"):
        bars = catalog.bars(name, "1-HOUR", 0, 2**62)
        opens = dict(zip((bars.ts_ns - hour_ns).tolist(), bars.open.tolist(), strict=True))
        for row in rows.itertuples():
            opened_ns = decided[row.client_order_id]
            assert row.ts_ns == opened_ns + round(after_s * 1e9)
            assert row.reference_price == pytest.approx(opens[opened_ns], abs=1e-9)
            assert (row.price - row.reference_price) * (1 if row.side == "BUY" else -1) > 0.0


def test_semi_auto_never_calls_the_model(usdm: Workspace) -> None:
    rules = '\n[mode.operator]\npolicy = "approve_all"\n'
    lines = decisions(tight(usdm, "SemiAuto", rules)["folder"])

    assert all(line["signal"]["contributions"]["ml"] is None for line in lines if line["signal"])
