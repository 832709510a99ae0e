"""The parts of a report's page on the account: figures, curves, costs, refusals, and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from research.reports import curves, tables
from research.reports.breakdown import split_costs
from research.reports.curves import Curves
from research.reports.formats import MISSING, escape, money, number, percent, tone
from research.reports.metrics import daily_equity
from research.reports.record import Record
from research.reports.schema import Performance, RandomEntries, Summary
from research.reports.summary import column
from research.reports.tables import Cell


def head(summary: Summary) -> str:
    """Return title, chips, and the banners that come before any figure."""
    kind = "Backtest" if summary.simulated else "Live run"
    chips = [
        *summary.instruments[:8],
        summary.bar,
        f"mode {summary.mode}",
        f"{number(summary.bars, 0)} bars",
        f"{summary.trials} trial{'s' if summary.trials != 1 else ''} on this data",
    ]
    if len(summary.instruments) > 8:
        chips.insert(8, f"and {len(summary.instruments) - 8} more")
    plain = "".join(f'<span class="chip">{escape(chip)}</span>' for chip in chips)
    loud = '<span class="chip loud">SIMULATED</span>' if summary.simulated else ""
    caution = (
        "Simulated results: no order of this run reached a market. Past prices do not tell future ones."
        if summary.simulated
        else ""
    )
    return (
        f'<header class="top"><h1>{kind}: {escape(summary.strategy)}</h1>'
        f'<p class="lead">{escape(day(summary.start))} to {escape(day(summary.end))} UTC · run {escape(summary.run_id)}'
        f'{" · " + caution if caution else ""}</p><div class="chips">{loud}{plain}</div>{banners(summary)}</header>'
    )


def banners(summary: Summary) -> str:
    """Return the sanity alarm and the other warnings; nothing when there are none."""
    count = sum("sanity band" in text for text in summary.warnings) if not summary.sane else 0
    alarms, others = summary.warnings[:count], summary.warnings[count:]
    parts = []
    if not summary.sane:
        parts.append(_banner("alarm", "Outside the sanity band: do not believe this result yet", alarms))
    if others:
        parts.append(_banner("warn", "Read the figures with this in mind", others))
    return "".join(parts)


def tiles(summary: Summary) -> str:
    """Return the figures one looks at first."""
    held = summary.baselines.buy_and_hold
    random = summary.baselines.random
    costs = (summary.fees or 0.0) + (summary.slippage or 0.0) - (summary.funding or 0.0) - (summary.interest or 0.0)
    start = summary.start_equity or 0.0
    cells = [
        ("Total return", percent(summary.total_return, sign=True), tone(summary.total_return),
         f"{money(summary.start_equity)} to {money(summary.final_equity)} {summary.currency}"),
        ("Growth a year", percent(summary.cagr, sign=True), tone(summary.cagr),
         f"buy and hold {percent(held.cagr, sign=True)}" if held else "compound, 365 days"),
        ("Sharpe ratio", number(summary.sharpe), tone(summary.sharpe),
         "too little to judge luck"
         if summary.deflated_sharpe is None
         else f"deflated: {percent(summary.deflated_sharpe, 0)} sure it is not luck"),
        ("Deepest drawdown", percent(summary.max_drawdown), tone(summary.max_drawdown),
         f"longest {number(summary.max_drawdown_days, 0)} days"),
        ("Profit factor", number(summary.profit_factor), "",
         f"{summary.trades} trades, {percent(summary.win_rate, 0)} won"),
        ("Costs", money(costs), "",
         f"{percent(costs / start if start else None)} of start equity"),
        ("Random runs beaten", percent(_not_rounded_up(random.percentile), 1) if random else MISSING, "",
         f"of {random.seeds} with the same trades" if random and random.trades else "no trades to repeat"),
        ("Nearest liquidation", percent(summary.liquidation_distance_min), "",
         f"{summary.liquidations} liquidation{'s' if summary.liquidations != 1 else ''}"),
    ]  # fmt: skip
    return (
        '<div class="tiles">'
        + "".join(
            f'<div class="tile"><span>{escape(name)}</span><b{f" class={kind!r}" if kind else ""}>{escape(text)}</b>'
            f"<small>{escape(note)}</small></div>"
            for name, text, kind, note in cells
        )
        + "</div>"
    )


def equity(summary: Summary, series: Curves) -> str:
    """Return equity against the baselines, and the drawdown."""
    random = summary.baselines.random
    legend = [("main", "Strategy")]
    note = "Account value at mark prices, all costs included."
    repeated = random is not None and random.trades > 0
    if summary.baselines.buy_and_hold is not None:
        legend.append(("held", "Buy and hold"))
        note += " Buy and hold is unlevered, in equal shares, with funding paid out of the position."
    if random is not None and repeated:
        legend += [("random", "Random entries, median")]
        legend += [("wide box", "5-95 %"), ("narrow box", "25-75 %")]
        note += (
            f" Random entries repeat this run's {random.trades} trades "
            f"(same holding times and mix of sides, {number(random.size)} times equity each) at random times, "
            f"{random.seeds} times. All pay the same fees, slippage and funding."
        )
    chart = curves.equity_chart(series, summary.start_equity or 0.0, random=repeated)
    fall = section("Drawdown", "Fall from the highest equity so far.", curves.drawdown_chart(series))
    return section("Equity", note, chart + _legend(legend)) + fall


def comparison(summary: Summary) -> str:
    """Return the strategy's figures beside the baselines'."""
    held, random = summary.baselines.buy_and_hold or Performance(), summary.baselines.random
    middle = random or RandomEntries(seeds=0, seed=0, trades=0)
    rows = [
        ("Total return", percent(summary.total_return), percent(held.total_return), percent(middle.total_return)),
        ("Growth a year", percent(summary.cagr), percent(held.cagr), ""),
        ("Volatility a year", percent(summary.volatility), percent(held.volatility), ""),
        ("Sharpe ratio", number(summary.sharpe), number(held.sharpe), number(middle.sharpe)),
        ("Sortino ratio", number(summary.sortino), number(held.sortino), ""),
        ("Calmar ratio", number(summary.calmar), number(held.calmar), ""),
        ("Deepest drawdown", percent(summary.max_drawdown), percent(held.max_drawdown), percent(middle.max_drawdown)),
        ("Fees", money(summary.fees), money(held.fees), money(middle.fees)),
        (
            "Funding received",
            money(summary.funding, sign=True),
            money(held.funding, sign=True),
            money(middle.funding, sign=True),
        ),
    ]
    body = tables.table(("", "Strategy", "Buy & hold", "Random, median"), rows, numeric=(1, 2, 3))
    spread = ""
    if random is not None and random.percentile is not None:
        spread = (
            '<p class="note">Nine in ten random runs end between '
            f"{escape(percent(random.total_return_p05, sign=True))} "
            f"and {escape(percent(random.total_return_p95, sign=True))}; this run did better than "
            f"{escape(percent(random.percentile, 0))} of them.</p>"
        )
    return section(
        "Against doing nothing clever", "Sharpe and Sortino on daily returns, years of 365 days.", body + spread
    )


def monthly(summary: Summary, series: Curves) -> str:
    """Return the monthly table."""
    held = None
    if series.baselines is not None:
        times = series.baselines["ts_ns"].to_numpy(dtype=np.int64)
        held = daily_equity(times, column(series.baselines, "buy_and_hold"), summary.start_equity)
    daily = daily_equity(series.ts_ns[1:], series.equity[1:], summary.start_equity)
    note = "Compounded from equity at the end of each UTC day; the first and last month may be partial."
    return section("Monthly returns", note, tables.monthly_table(daily, held))


def costs(record: Record, summary: Summary) -> str:
    """Return where the result came from, cost by cost."""
    parts = split_costs(record, summary)
    per_notional = 1e4 / parts.notional if parts.notional else float("nan")
    rows = [
        ("Before costs", parts.before_costs),
        ("Slippage", parts.slippage),
        ("Fees, taker", parts.fees_taker),
        ("Fees, maker", parts.fees_maker),
        ("Funding", parts.funding),
        *([("Interest", parts.interest)] if parts.interest else []),
        ("Net result", parts.net),
    ]
    start = summary.start_equity or float("nan")
    body = tables.table(
        ("", summary.currency, "of equity", "bp of traded"),
        [
            [name, Cell(money(value, sign=True), style=tone(value)), percent(value / start, 2, sign=True),
             number(value * per_notional, 2, sign=True)]
            for name, value in rows
        ],
        numeric=(1, 2, 3),
        style="total",
    )  # fmt: skip
    note = (
        f"{money(parts.notional)} {summary.currency} bought and sold, {number(summary.turnover, 1)} times the mean "
        "equity a year. Before costs: the same fills at the venue's reference prices."
    )
    bars = [(name, value, f"{percent(value / start, 2, sign=True)} of equity") for name, value in rows[:-1] if value]
    return section("Where the result came from", note, body + tables.meter_rows(bars))


def exposure(summary: Summary, series: Curves) -> str:
    """Return exposure over time."""
    note = (
        f"In the market {percent(summary.exposure, 0)} of the time; leverage {number(summary.leverage_mean)} on "
        f"average, {number(summary.leverage_max)} at most (notional at mark prices over equity)."
    )
    legend = [("main", "Mean"), ("peak box", "Largest")]
    if not series.long_only:
        legend = [("main", "Gross, mean"), ("held", "Net, mean"), ("peak box", "Gross, largest")]
    return section("Exposure", note, curves.exposure_chart(series) + _legend(legend))


def liquidation(series: Curves) -> str:
    """Return the smallest distance to liquidation over time."""
    note = (
        "Distance of the mark price from the liquidation price of the open position nearest to it, at bar closes; "
        "with cross margin, how far all positions may move against the account together, where that is nearer. "
        "The deeper, the closer. No position, or farther than 50 %, is drawn at the top."
    )
    return section("Minimum distance to liquidation", note, curves.distance_chart(series))


def believability(summary: Summary) -> str:
    """Return what luck and the number of trials leave of the result."""
    needed = summary.track_record_days_min
    rows = [
        ("Trials on this strategy and data", number(summary.trials, 0)),
        ("Deflated Sharpe ratio", _probability(summary.deflated_sharpe, "that it beats the luckiest of the trials")),
        ("Probabilistic Sharpe ratio", _probability(summary.probabilistic_sharpe, "that it is above zero")),
        ("Track record", f"{number(summary.track_record_days, 0)} daily returns"),
        (
            "Needed at 95 % confidence",
            f"{number(needed, 0)} daily returns" if needed else "no length would do at this Sharpe ratio",
        ),
        ("Skewness, kurtosis", f"{number(summary.skewness)}, {number(summary.kurtosis)} (normal: 0, 3)"),
        ("Sanity band", "inside" if summary.sane else "OUTSIDE: see the top"),
    ]
    return section("Luck and trials", "Bailey and Lopez de Prado (2012, 2014).", tables.facts(rows))


def assumptions(record: Record) -> str:
    """Return what the simulation assumed."""
    stated = list(record.manifest.assumptions.items())
    if not stated:
        return section("Assumptions", "The run states none.", "")
    if all(name.isdigit() for name, _ in stated):
        body = "<ol>" + "".join(f"<li>{escape(text)}</li>" for _, text in stated) + "</ol>"
    else:
        body = tables.facts(stated)
    return section("Assumptions", "What the simulated venue and the data were taken to be.", body)


def provenance(record: Record, summary: Summary) -> str:
    """Return everything needed to repeat the run."""
    manifest = record.manifest
    rows = [
        ("Decision hash", manifest.decision_hash),
        ("Data fingerprint", manifest.data_fingerprint),
        ("Config fingerprint", manifest.config_fingerprint),
        ("Code version", manifest.code_version),
        ("Engine", manifest.engine_version),
        ("Seeds", ", ".join(f"{name} {seed}" for name, seed in manifest.seeds.items()) or "none"),
        ("Wall time", MISSING if summary.wall_seconds is None else f"{number(summary.wall_seconds, 1)} s"),
    ]
    if manifest.packages:
        rows.append(("Packages", ", ".join(f"{name} {version}" for name, version in manifest.packages.items())))
    note = "The same data, config, code and lock give the same decision hash."
    return section("Provenance", note, tables.facts(rows, "mono"))


def section(title: str, note: str, body: str, style: str = "") -> str:
    """Return a titled card."""
    lead = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section{f' class={style!r}' if style else ''}><h2>{escape(title)}</h2>{lead}{body}</section>"


def day(iso: str) -> str:
    """Return the date of an ISO time, and its clock time where that is not midnight."""
    date, _, clock = iso.partition("T")
    return date if clock[:5] in {"", "00:00"} else f"{date} {clock[:5]}"


def _banner(kind: str, title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<div class="banner {kind}" role="alert"><strong>{escape(title)}</strong><ul>{items}</ul></div>'


def _probability(value: float | None, of: str) -> str:
    return "too few returns to say" if value is None else f"{percent(value)} probability {of}"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    return (
        '<div class="legend">'
        + "".join(f'<span><i class="{kind}"></i><b>{escape(name)}</b></span>' for kind, name in entries)
        + "</div>"
    )


def _not_rounded_up(share: float | None) -> float | None:
    """Cut a share to a tenth of a per cent, so that all but one of many is never shown as all."""
    return None if share is None else math.floor(share * 1000.0 + 1e-9) / 1000.0
