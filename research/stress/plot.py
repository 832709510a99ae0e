"""Draw what scenarios do to a portfolio: one page that needs no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from risk.reverse_stress import Breach, Direction
from risk.stress import Outcome

HOLDS, BREAKS, LIQUIDATED = "limits hold", "a limit breaks", "liquidated"
_COLOURS = {HOLDS: "#1d5fd1", BREAKS: "#d98400", LIQUIDATED: "#b3261e"}
_INK, _LINE = "#17202c", "#e3e8ef"
_DIRECTIONS = {Direction.DOWN: "all prices fall", Direction.UP: "all prices rise", Direction.WORST: "each against us"}
_SHADES = {Direction.DOWN: "#4a6fa5", Direction.UP: "#7d8aa3", Direction.WORST: "#3d2c52"}
_SHOWN_MAX = 1.0
"""Distances and moves are drawn up to 100 %; what lies beyond says so in its label."""


def figure(outcomes: Sequence[Outcome], breaches: Sequence[Breach], title: str) -> Any:
    """
    Return the drawing: profit and loss by scenario, distance to liquidation after it, and moves that break limits.

    Parameters
    ----------
    outcomes : sequence of Outcome
        In the order to draw, the first on top.
    breaches : sequence of Breach
        Of the same portfolio.
    title : str
        What portfolio it is, and when.

    """
    drawing: Any = make_subplots(
        rows=2,
        cols=2,
        specs=[[{}, {}], [{"colspan": 2}, None]],
        column_widths=[0.62, 0.38],
        row_heights=[0.68, 0.32],
        horizontal_spacing=0.03,
        vertical_spacing=0.11,
        subplot_titles=(
            "Profit or loss, % of equity",
            "Distance to liquidation after it, %",
            "Smallest move of prices that breaks a limit, %",
        ),
    )
    _add_outcomes(drawing, outcomes)
    _add_breaches(drawing, breaches)
    drawing.update_layout(
        title={"text": title, "x": 0.01, "xanchor": "left", "font": {"size": 18}},
        barmode="group",
        height=420 + 24 * len(outcomes),
        template="plotly_white",
        font={"family": "Inter, Segoe UI, Helvetica, Arial, sans-serif", "size": 13, "color": _INK},
        legend={"orientation": "h", "x": 1.0, "xanchor": "right", "y": 1.05, "yanchor": "bottom"},
        margin={"l": 10, "r": 30, "t": 110, "b": 40},
    )
    drawing.update_annotations(font={"size": 13.5})
    drawing.update_xaxes(gridcolor=_LINE, zerolinecolor=_INK)
    drawing.update_yaxes(automargin=True)
    return drawing


def write_plot(path: Path, outcomes: Sequence[Outcome], breaches: Sequence[Breach], title: str) -> Path:
    """Write the drawing as one HTML file that holds all it needs."""
    drawing = figure(outcomes, breaches, title)
    drawing.write_html(path, include_plotlyjs=True, full_html=True, config={"displaylogo": False, "responsive": True})
    return path


def _add_outcomes(drawing: Any, outcomes: Sequence[Outcome]) -> None:
    names = [outcome.name for outcome in outcomes]
    for label, colour in _COLOURS.items():
        chosen = [outcome for outcome in outcomes if _label(outcome) == label]
        if not chosen:
            continue
        drawing.add_trace(
            go.Bar(
                name=label,
                orientation="h",
                y=[outcome.name for outcome in chosen],
                x=[100.0 * outcome.pnl_fraction for outcome in chosen],
                text=[f"{100.0 * outcome.pnl_fraction:+.1f}" for outcome in chosen],
                textposition="outside",
                cliponaxis=False,
                marker_color=colour,
                hovertext=[_hover(outcome) for outcome in chosen],
                hoverinfo="text",
            ),
            row=1,
            col=1,
        )
        drawing.add_trace(
            go.Bar(
                orientation="h",
                showlegend=False,
                y=[outcome.name for outcome in chosen],
                x=[100.0 * min(_drawn(outcome), _SHOWN_MAX) for outcome in chosen],
                text=[_distance(outcome) for outcome in chosen],
                textposition="outside",
                cliponaxis=False,
                marker_color=colour,
                hovertext=[_hover(outcome) for outcome in chosen],
                hoverinfo="text",
            ),
            row=1,
            col=2,
        )
    lowest = min((100.0 * outcome.pnl_fraction for outcome in outcomes), default=0.0)
    highest = max((100.0 * outcome.pnl_fraction for outcome in outcomes), default=0.0)
    room = 0.12 * max(1.0, highest - lowest)
    drawing.update_xaxes(range=[min(0.0, lowest) - room, max(0.0, highest) + room], row=1, col=1)
    drawing.update_xaxes(range=[0.0, 115.0 * _SHOWN_MAX], row=1, col=2)
    drawing.update_yaxes(categoryorder="array", categoryarray=names[::-1], row=1, col=1)
    drawing.update_yaxes(categoryorder="array", categoryarray=names[::-1], showticklabels=False, row=1, col=2)
    drawing.update_layout(bargap=0.25)


def _add_breaches(drawing: Any, breaches: Sequence[Breach]) -> None:
    for direction, label in _DIRECTIONS.items():
        chosen = [breach for breach in breaches if breach.direction is direction]
        drawing.add_trace(
            go.Bar(
                name=label,
                x=[breach.limit.value.lower().replace("_", " ") for breach in chosen],
                y=[100.0 * min(_SHOWN_MAX, breach.move) if breach.move is not None else None for breach in chosen],
                text=[_move(breach) for breach in chosen],
                textposition="outside",
                cliponaxis=False,
                marker_color=_SHADES[direction],
                hovertext=[f"{label}: {_move(breach)}" for breach in chosen],
                hoverinfo="text",
            ),
            row=2,
            col=1,
        )
    drawing.update_yaxes(range=[0.0, 112.0], row=2, col=1)


def _label(outcome: Outcome) -> str:
    if outcome.liquidated:
        return LIQUIDATED
    return BREAKS if outcome.broken else HOLDS


def _hover(outcome: Outcome) -> str:
    broken = ", ".join(limit.value for limit in outcome.broken) or "none"
    return (
        f"<b>{outcome.name}</b><br>{outcome.note}<br>P&L {outcome.pnl:,.0f} ({outcome.pnl_fraction:+.2%})<br>"
        f"equity {outcome.equity:,.0f}, drawdown {outcome.drawdown:.1%}, leverage {outcome.leverage:.2f}<br>"
        f"value at risk {outcome.value_at_risk:.1%}, limits broken: {broken}"
    )


def _drawn(outcome: Outcome) -> float:
    """Return the length of the distance's bar: none where nothing can be liquidated."""
    return outcome.liquidation_distance if math.isfinite(outcome.liquidation_distance) else 0.0


def _distance(outcome: Outcome) -> str:
    if outcome.liquidated:
        return f"{', '.join(outcome.liquidated)} liquidated"
    return "none to liquidate" if math.isinf(outcome.liquidation_distance) else f"{outcome.liquidation_distance:.0%}"


def _move(breach: Breach) -> str:
    if breach.move is None:
        return "never"
    return "now" if breach.move == 0.0 else f"{breach.move:.1%}"
