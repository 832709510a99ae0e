"""Write a run's report as one HTML file that needs no network: text, tables and drawings, a little script."""

from __future__ import annotations

from pathlib import Path

from research.reports import control_sections, sections, trade_sections
from research.reports.curves import read_curves
from research.reports.formats import escape
from research.reports.record import Record, read_record
from research.reports.runs import read_summary
from research.reports.schema import Summary
from research.reports.style import CSS, SCRIPT

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content policy of the page: a browser loads nothing, whatever text of a run has got into it."""


def write_tearsheet(folder: Path, *, trades_shown: int = 500) -> Path:
    """
    Write `tearsheet.html` from the other files of a run's folder.

    Parameters
    ----------
    folder : Path
        A run folder with summary, manifest, tables and logs; with `baselines.parquet` the baselines are drawn.
    trades_shown : int
        The most trades listed, the most recent ones; the page says so when there are more.

    Raises
    ------
    PreconditionError
        If the folder is incomplete or torn.

    """
    path = folder / "tearsheet.html"
    page = render(read_record(folder), read_summary(folder), trades_shown=trades_shown)
    path.write_text(page, encoding="utf-8")
    return path


def render(record: Record, summary: Summary, *, trades_shown: int = 500) -> str:
    """Return the page of a run."""
    series = read_curves(record)
    kind = "simulated" if summary.simulated else "live"
    body = "".join(
        (
            sections.head(summary),
            "<main>",
            sections.tiles(summary),
            sections.equity(summary, series),
            sections.monthly(summary, series),
            _pair(sections.comparison(summary), sections.costs(record, summary)),
            sections.exposure(summary, series),
            sections.liquidation(series),
            trade_sections.instruments(record),
            _pair(trade_sections.distribution(record), control_sections.refusals(summary)),
            control_sections.supervision(summary),
            trade_sections.trades(record, trades_shown),
            _pair(sections.believability(summary), sections.assumptions(record)),
            sections.provenance(record, summary),
            "</main>",
        )
    )
    title = f"{summary.strategy} {summary.run_id} ({kind})"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>{body}"
        f"<footer>Bot4 {escape(record.manifest.code_version)} · {kind} results · figures are defined in docs/reports.md"
        f"</footer><script>{SCRIPT}</script></body></html>\n"
    )


def _pair(left: str, right: str) -> str:
    return f'<div class="pair">{left}{right}</div>'
