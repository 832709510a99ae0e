"""The parts of a report's page on the trades: by instrument, by exit, their spread, and one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from research.reports import charts, tables
from research.reports.breakdown import UNKNOWN, Slice, by_exit, by_instrument, origins, trade_returns
from research.reports.formats import MISSING, money, number, percent, price, tone, when
from research.reports.record import Record
from research.reports.sections import section
from research.reports.summary import closed, is_absent, trade_profits
from research.reports.tables import Cell

SLICE_HEADER = (
    "Trades", "Long", "Win rate", "Profit factor", "Net P&L", "Mean trade", "Mean hours", "Fees", "Funding", "Slippage",
)  # fmt: skip


def instruments(record: Record) -> str:
    """Return the result of each instrument and of each way out of a trade."""
    exits = by_exit(record)
    body = _slices("Instrument", by_instrument(record))
    if exits:
        body += "<h3>By exit</h3>" + _slices("Exit", exits, costs_known=False)
    return section("By instrument", "Closed trades; fees, funding and slippage of all fills.", body)


def distribution(record: Record) -> str:
    """Return how the trades' returns are spread."""
    returns = trade_returns(closed(record.positions))
    returns = returns[np.isfinite(returns)]
    note = "Net return of each closed trade on its notional; the outermost bars hold what lies beyond."
    if len(returns) < 2:
        return section("Trade returns", note, '<p class="empty">Fewer than two closed trades.</p>')
    reach = float(np.quantile(np.abs(returns), 0.99)) or 1e-4
    edges = np.linspace(-reach, reach, 33)
    counts, _ = np.histogram(np.clip(returns, -reach, reach), bins=edges)
    digits = 0 if reach > 0.04 else 1 if reach > 0.004 else 2
    chart = charts.bar_chart("Trade returns", edges, counts.tolist(), tick=lambda share: percent(share, digits))
    figures = [
        ("Best", percent(float(returns.max()), 2, sign=True)),
        ("Median", percent(float(np.median(returns)), 2, sign=True)),
        ("Worst", percent(float(returns.min()), 2, sign=True)),
    ]
    return section("Trade returns", note, chart + tables.facts(figures))


def trades(record: Record, shown: int) -> str:
    """Return the trades with what opened and closed each, the most recent first; at most `shown`."""
    every = record.positions
    part = every.iloc[max(len(every) - shown, 0) :].iloc[::-1]
    opened_by = origins(record)
    profits, shares = trade_profits(part), trade_returns(part)
    venue = common_venue(record.manifest.instruments)
    rows = []
    for index, row in enumerate(part.itertuples(index=False)):
        origin = opened_by.get((str(row.instrument), int(row.ts_opened_ns)), UNKNOWN)
        ended = not is_absent(row.ts_closed_ns)
        hours = (int(row.ts_closed_ns) - int(row.ts_opened_ns)) / 3.6e12 if ended else None
        profit, share = float(profits[index]), float(shares[index])
        rows.append(
            [
                Cell(when(int(row.ts_opened_ns)), int(row.ts_opened_ns)),
                Cell(number(hours, 1) if ended else "open", -1.0 if hours is None else hours),
                Cell(str(row.instrument).removesuffix(venue)),
                Cell(str(row.side).lower()),
                Cell(number(float(row.quantity_peak), 4).rstrip("0").rstrip("."), float(row.quantity_peak)),
                Cell(price(float(row.entry_price)), float(row.entry_price)),
                Cell(price(float(row.exit_price)) if ended else MISSING, float(row.exit_price) if ended else 0.0),
                Cell(money(profit, sign=True), profit, tone(profit)),
                Cell(percent(share, 2, sign=True), share, tone(share)),
                Cell(money(-float(row.fees), sign=True), -float(row.fees)),
                Cell(money(float(row.funding), sign=True), float(row.funding)),
                Cell(role_words(origin.role), hint=origin.tags),
                Cell(role_words(row.exit_role) if ended else MISSING),
                Cell(origin.signal, hint=origin.tags),
            ]
        )
    header = ("Opened", "Hours", "Instrument", "Side", "Quantity", "Entry", "Exit", "Net P&L", "Return", "Fees",
              "Funding", "Opened by", "Closed by", "Signal")  # fmt: skip
    note = f"The last {len(part)} of {len(every)} trades" if len(every) > len(part) else f"All {len(every)} trades"
    note += (
        ", the most recent first. Click a heading to sort; signals are direction / confidence, "
        "hold the pointer over one for all tags."
    )
    if len(every) > len(part):
        note += " All of them are in positions.parquet."
    if not len(every):
        return section("Trades", "No position was opened.", "")
    body = tables.table(header, rows, numeric=(1, 4, 5, 6, 7, 8, 9, 10), sortable=True)
    return section("Trades", note, body, style="trades")


def role_words(role: object) -> str:
    """Return an order's role in small letters, a dash where it has none."""
    return role.replace("_", " ").lower() if isinstance(role, str) and role else MISSING


def common_venue(instruments: Sequence[str]) -> str:
    """Return the venue all instruments share, with its dot, or nothing: what a table may leave out."""
    venues = {name.rpartition(".")[2] for name in instruments if "." in name}
    return f".{venues.pop()}" if len(venues) == 1 else ""


def _slices(name: str, rows: Sequence[Slice], *, costs_known: bool = True) -> str:
    header = (name, *(SLICE_HEADER if costs_known else SLICE_HEADER[:-3]))
    body = []
    for one in rows:
        cells: list[Cell | str] = [
            one.name,
            number(one.trades, 0),
            number(one.longs, 0),
            percent(one.win_rate, 0),
            number(one.profit_factor),
            Cell(money(one.net, sign=True), style=tone(one.net)),
            money(one.mean, sign=True),
            number(one.hours, 1),
        ]
        if costs_known:
            cells += [money(one.fees), money(one.funding, sign=True), money(one.slippage)]
        body.append(cells)
    return tables.table(header, body, numeric=range(1, len(header)))
