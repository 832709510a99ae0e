"""The page: complete, self-contained, small, safe against text from outside, and readable without a script."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from synthetic_run import write_run

from research.reports import charts, tables
from research.reports.metrics import DailyEquity
from research.reports.report import ReportConfig, write_report
from research.reports.schema import POSITIONS, Summary

LIMIT_BYTES = 6_000_000
NASTY = "<script>alert(1)</script>\"'&"
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Collect what a page holds, and refuse tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.stack: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in {"script", "style"}:
            self.text.append(data)


@pytest.fixture(scope="module")
def rich_page(rich_run: Path) -> str:
    return (rich_run / "tearsheet.html").read_text(encoding="utf-8")


def test_page_has_every_part(rich_page: str) -> None:
    text = " ".join(Page(rich_page).text)
    for part in (
        "SIMULATED",
        "Total return",
        "Equity",
        "Buy and hold",
        "Random entries",
        "Drawdown",
        "Monthly returns",
        "Slippage",
        "Fees, taker",
        "Funding",
        "Refusals by reason",
        "position limit exceeded",
        "Exposure",
        "Minimum distance to liquidation",
        "By instrument",
        "ETHUSDT-PERP",
        "Trades",
        "stop loss",
        "take profit",
        "fusion",
        "Assumptions",
        "Every 8 hours on mark notional",
        "Data fingerprint",
        "Code version",
        "Decision hash",
        "Seeds",
        "Trials on this strategy and data",
        "Deflated Sharpe ratio",
    ):
        assert part in text, part


def test_page_needs_no_network_and_is_small(rich_run: Path, rich_page: str) -> None:
    assert (rich_run / "tearsheet.html").stat().st_size < LIMIT_BYTES / 4
    page = Page(rich_page)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not {"src", "href", "srcset", "action", "xlink:href", "data"} & {name for name, _ in page.attributes}
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttpRequest|WebSocket|import\(", rich_page)
    assert "default-src 'none'" in rich_page


def test_largest_page_stays_below_the_limit(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    markets = write_run(folder, hours=24 * 365 * 5, trades=3000, refused=500)
    write_report(folder, markets, config=ReportConfig(random_seeds=5, trades_shown=5000))
    assert (folder / "tearsheet.html").stat().st_size < LIMIT_BYTES / 2


def test_figures_on_the_page_are_those_of_the_summary(rich_run: Path, rich_page: str) -> None:
    from research.reports.formats import number, percent
    from research.reports.runs import read_summary

    summary = read_summary(rich_run)
    text = " ".join(Page(rich_page).text)
    for figure in (
        percent(summary.total_return, sign=True),
        number(summary.sharpe),
        percent(summary.max_drawdown),
        number(summary.fees, 0),
        summary.decision_hash,
        summary.data_fingerprint,
    ):
        assert figure in text, figure


def test_sane_run_has_no_alarm_and_insane_run_has_it_before_any_figure(rich_page: str, tmp_path: Path) -> None:
    assert "banner alarm" not in rich_page
    folder = tmp_path / "insane"
    write_report(folder, write_run(folder, hours=24 * 100, trades=100, skill=1.0, warnings=("funding taken as zero",)))
    page = (folder / "tearsheet.html").read_text()
    assert page.index("banner alarm") < page.index("banner warn") < page.index("Total return")
    assert "do not believe this result yet" in page
    assert "funding taken as zero" in page


def test_text_from_outside_can_not_become_markup(tmp_path: Path) -> None:
    folder = tmp_path / "nasty"
    markets = write_run(
        folder, hours=240, trades=10, run_id=NASTY, strategy=NASTY, mode=NASTY, code_version=NASTY, warnings=(NASTY,),
        assumptions={NASTY: NASTY}, packages={NASTY: NASTY},
    )  # fmt: skip
    orders = pd.read_parquet(folder / "orders.parquet")
    orders["tags"] = f'signal:{{"source":"{NASTY[:25]}"}},{NASTY}'
    orders.to_parquet(folder / "orders.parquet", index=False)
    positions = pd.read_parquet(folder / "positions.parquet")
    positions["exit_role"] = NASTY
    positions.to_parquet(folder / "positions.parquet", index=False)
    lines = (folder / "decisions.jsonl").read_text().replace("LEVERAGE_EXCEEDED", "</script><b>")
    (folder / "decisions.jsonl").write_text(lines)
    write_report(folder, markets)
    page = (folder / "tearsheet.html").read_text()
    assert "alert(1)</" not in page
    clean = tmp_path / "clean"
    write_report(clean, write_run(clean, hours=240, trades=10))
    harmless = Page((clean / "tearsheet.html").read_text())
    assert Page(page).tags.count("script") == harmless.tags.count("script")
    assert "b" in harmless.tags
    assert Page(page).tags.count("b") == harmless.tags.count("b")


def test_degenerate_runs_give_a_well_formed_page(degenerate_run: tuple[str, Path, Summary]) -> None:
    name, folder, _ = degenerate_run
    page = (folder / "tearsheet.html").read_text()
    text = " ".join(Page(page).text)
    assert not re.search(r"\bnan\b|\binf\b|None", text)
    assert not re.search(r'[" L,]nan|inf[" L]', page)
    if name == "no_trades":
        assert "No position was opened." in text
        assert "Nothing was refused." in text
    if name == "liquidated":
        assert "1 liquidation" in text
        assert "banner alarm" in page


def test_trades_beyond_the_limit_are_counted_not_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_report(
        folder, write_run(folder, hours=24 * 20, trades=30), config=ReportConfig(random_seeds=1, trades_shown=10)
    )
    count = len(pd.read_parquet(folder / "positions.parquet"))
    page = (folder / "tearsheet.html").read_text()
    assert f"The last 10 of {count} trades" in page
    assert "positions.parquet" in page


def test_open_trade_is_shown_as_open(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    markets = write_run(folder, hours=240, trades=8)
    positions = pd.read_parquet(folder / "positions.parquet")
    positions.loc[len(positions) - 1, ["ts_closed_ns", "exit_price", "exit_role"]] = [pd.NA, np.nan, None]
    positions.to_parquet(folder / "positions.parquet", index=False)
    summary = write_report(folder, markets)
    assert summary.open_positions == 1
    assert ">open<" in (folder / "tearsheet.html").read_text()


def test_moment_a_trade_ended_is_read_exactly_beside_an_open_one(tmp_path: Path) -> None:
    from research.reports.record import read_table

    # as a writer without pandas stores it: a nullable integer, which must not pass through floating point
    moment = 1_609_459_200_000_000_001
    columns: dict[str, list[object]] = {name: [0.0, 0.0] for name in POSITIONS}
    table = pa.table(columns | {"ts_opened_ns": [1, 2], "ts_closed_ns": pa.array([moment, None], pa.int64())})
    pq.write_table(table, tmp_path / "positions.parquet")
    frame = read_table(tmp_path, "positions.parquet")
    assert int(frame["ts_closed_ns"][0]) == moment
    assert frame["ts_closed_ns"].isna().tolist() == [False, True]


@given(arrays.arrays(np.float64, st.integers(1, 3000), elements=st.floats(-1e6, 1e6)), st.integers(10, 500))
def test_decimation_keeps_the_extremes_and_the_ends(values: np.ndarray, limit: int) -> None:
    rows = charts.decimate(values, limit)
    assert len(rows) <= limit
    assert (rows[0], rows[-1]) == (0, len(values) - 1)
    assert values[rows].max() == values.max()
    assert values[rows].min() == values.min()
    assert np.all(np.diff(rows) > 0)


def test_months_compound_to_the_year() -> None:
    days = np.arange(np.datetime64("2023-12-30"), np.datetime64("2025-02-03")).astype(np.int64)
    equity = 100.0 * np.cumprod(np.r_[1.0, np.random.default_rng(3).normal(1.0, 0.02, len(days) - 1)])
    years = tables.monthly_returns(DailyEquity(days, equity))
    assert [year for year, _, _ in years] == [2023, 2024, 2025]
    assert [sum(one is not None for one in row) for _, row, _ in years] == [1, 12, 2]
    assert np.prod([1.0 + whole for _, _, whole in years]) == pytest.approx(equity[-1] / equity[0])
    assert np.prod([1.0 + one for one in years[1][1] if one is not None]) == pytest.approx(1.0 + years[1][2])


def test_page_opens_in_a_browser(rich_run: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium on the path")
    arguments = "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
    arguments += f" --disable-sync --no-first-run --user-data-dir={tmp_path} --virtual-time-budget=2000 --dump-dom"
    done = subprocess.run(
        [browser, *arguments.split(), (rich_run / "tearsheet.html").as_uri()],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    # the script ran: it marks the page and makes the table's heads clickable
    assert '<html lang="en" class="js">' in done.stdout
    assert 'class="n key"' in done.stdout


def test_names_of_lines_can_not_close_the_data_of_a_chart() -> None:
    line = charts.Series("</script><b>", np.array([1.0, 2.0]), "main")
    drawing = charts.line_chart(NASTY, np.array([0, 10**9]), [line], tick=str, value=str)
    assert Page(drawing).tags.count("script") == 1
    assert "b" not in Page(drawing).tags
