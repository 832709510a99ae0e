"""HTML tables of a report, readable without any script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from research.reports import metrics
from research.reports.formats import escape, percent
from research.reports.metrics import DailyEquity

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Cell(NamedTuple):
    """A cell: its text (escaped by the table), what it sorts by, its classes and its hint."""

    text: str
    sort: float | str | None = None
    style: str = ""
    hint: str = ""


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    *,
    numeric: Sequence[int] = (),
    sortable: bool = False,
    style: str = "",
) -> str:
    """Return a table; the columns numbered in `numeric` align right."""
    right = set(numeric)
    head = "".join(
        f'<th scope="col"{_class("n" if index in right else "")}>{escape(name)}</th>'
        for index, name in enumerate(header)
    )
    body = "".join(
        "<tr>" + "".join(_cell(cell, index in right) for index, cell in enumerate(row)) + "</tr>" for row in rows
    )
    kind = f"{style} sortable" if sortable else style
    return f'<div class="scroll"><table{_class(kind)}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(rows: Sequence[tuple[str, str]], style: str = "") -> str:
    """Return pairs of name and value."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>' for name, text in rows)
    return f"<table{_class(f'facts {style}')}><tbody>{body}</tbody></table>"


def monthly_returns(daily: DailyEquity) -> list[tuple[int, list[float | None], float]]:
    """
    Return for each year its twelve monthly returns and its own, compounded from daily equity.

    None marks a month without a day of the run; the first and last month may be partial. After the account is
    ruined there are no returns.
    """
    days = daily.day[1:].astype("datetime64[D]")
    returns = metrics.simple_returns(daily.equity)
    months = days[: len(returns)].astype("datetime64[M]").astype(np.int64)
    years: dict[int, list[float | None]] = {}
    for month in np.unique(months):
        grown = float(np.prod(1.0 + returns[months == month]) - 1.0)
        years.setdefault(1970 + int(month) // 12, [None] * 12)[int(month) % 12] = grown
    whole = {year: float(np.prod([1.0 + one for one in row if one is not None]) - 1.0) for year, row in years.items()}
    return [(year, row, whole[year]) for year, row in sorted(years.items())]


def monthly_table(daily: DailyEquity, held: DailyEquity | None) -> str:
    """Return monthly returns as a heat map, with the year's, and buy and hold's year beside it."""
    years = monthly_returns(daily)
    compare = {year: whole for year, _, whole in monthly_returns(held)} if held is not None else {}
    scale = max((abs(one) for _, row, _ in years for one in row if one is not None), default=0.0)
    rows = []
    for year, row, whole in years:
        cells: list[Cell | str] = [Cell(str(year), style="strong")]
        cells += [Cell("") if one is None else Cell(percent(one), style=heat(one, scale)) for one in row]
        cells.append(Cell(percent(whole), style="strong " + ("up" if whole > 0 else "down" if whole < 0 else "")))
        if held is not None:
            cells.append(Cell(percent(compare.get(year)), style="muted"))
        rows.append(cells)
    header = ["", *MONTHS, "Year"] + (["Hold"] if held is not None else [])
    return table(header, rows, numeric=range(1, len(header)), style="heat")


def heat(value: float, scale: float) -> str:
    """Return the class that shades a return: its sign and one of five depths."""
    if value == 0.0 or scale == 0.0:
        return "h0"
    depth = min(int(abs(value) / scale * 5.0) + 1, 5)
    return f"{'hu' if value > 0 else 'hd'}{depth}"


def meter_rows(rows: Sequence[tuple[str, float, str]], *, plain: bool = False) -> str:
    """Return named values with a bar as long as each is large; `plain` bars have one colour."""
    longest = max((abs(value) for _, value, _ in rows), default=0.0) or 1.0
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="n">{escape(text)}</td><td class="meter">'
        f'<span class="{"down" if value < 0 else "up"}" style="width:{abs(value) / longest * 100:.1f}%"></span>'
        "</td></tr>"
        for name, value, text in rows
    )
    return f"<table{_class('meters plain' if plain else 'meters')}><tbody>{body}</tbody></table>"


def _cell(cell: Cell | str, right: bool) -> str:
    one = cell if isinstance(cell, Cell) else Cell(cell)
    style = " ".join(part for part in ("n" if right else "", one.style) if part)
    sort = "" if one.sort is None else f' data-sort="{escape(one.sort)}"'
    hint = f' title="{escape(one.hint)}"' if one.hint else ""
    return f"<td{_class(style)}{sort}{hint}>{escape(one.text)}</td>"


def _class(style: str) -> str:
    text = " ".join(style.split())
    return f' class="{text}"' if text else ""
