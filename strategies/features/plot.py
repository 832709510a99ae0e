"""Draw bars with features as a picture: overlays on the price, everything else in panes below it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from catalog.model import F64, BarColumns
from errors import ConfigError
from strategies.features.featureset import FeatureSet
from strategies.features.plot_page import Pane, page
from strategies.features.registry import BoundFeature

BARS_MAX = 20_000
_CANDLES_MAX = 400
_COLOURS = ("#1d5fd1", "#d98400", "#7b3fb5", "#0e8a9c", "#b4531f", "#5a6b82", "#c2327a", "#4c8a1f")
_UP, _DOWN, _INK, _MUTED, _LINE = "#0c8460", "#c4342b", "#17202c", "#64718a", "#e3e8ef"
_STYLE: Any = {  # its type in matplotlib is a list of every name there is
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": "#cfd7e2",
    "axes.labelcolor": _MUTED,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "svg.fonttype": "none",
    "svg.hashsalt": "bot4",  # else ids differ from run to run
}
_WIDTH_IN, _PRICE_IN, _PANE_IN, _HEAD_IN, _FOOT_IN = 12.0, 4.2, 1.2, 0.48, 0.35
_LEFT, _RIGHT = 0.02, 0.925
_KEY_CHARACTERS = 170  # that fit beside each other in a legend
_DAY_NS = 86_400_000_000_000


class Chart(NamedTuple):
    """
    What to draw.

    Attributes
    ----------
    title : str
    bars : BarColumns
        n bars, at least 2 and at most `BARS_MAX`.
    features : FeatureSet
    values : float64[n, k]
        The features of those bars, in the order of ``features.names``; NaN leaves a gap.

    """

    title: str
    bars: BarColumns
    features: FeatureSet
    values: F64


class _Key(NamedTuple):
    """The legend above a pane: how many names stand beside each other, and its height in inches."""

    columns: int
    height_in: float


def draw(chart: Chart, path: Path) -> None:
    """
    Write a chart as PNG or as a self-contained HTML page, by the ending of `path`; whole or not at all.

    Raises
    ------
    ConfigError
        If the ending is another, the folder does not exist, or there are too few or too many bars.

    """
    if not path.parent.is_dir():
        raise ConfigError("the folder of the output file does not exist", where=str(path))
    if path.suffix not in {".png", ".html"}:
        raise ConfigError("expected a file that ends in .png or .html", where=str(path))
    if not 2 <= len(chart.bars) <= BARS_MAX:
        raise ConfigError(f"from 2 to {BARS_MAX} bars can be drawn, were {len(chart.bars)}; choose --start and --end")
    data = png(chart) if path.suffix == ".png" else html(chart).encode()
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


def png(chart: Chart) -> bytes:
    """Return the picture as PNG, 1,560 pixels wide."""
    with mpl.rc_context(_STYLE):
        figure, _ = _figure(chart)
        buffer = BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def html(chart: Chart) -> str:
    """Return the picture as one HTML page, inline SVG, with a pointer that reads values; nothing is loaded."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(chart)
        buffer = StringIO()
        FigureCanvasSVG(figure)
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = buffer.getvalue()
    panes = [
        Pane(
            top=1.0 - axis.get_position().y1,
            bottom=1.0 - axis.get_position().y0,
            lines=_lines(chart, features, price=index == 0),
        )
        for index, (axis, features) in enumerate(axes)
    ]
    place = axes[0][0].get_position()
    return page(chart.title, svg[svg.index("<svg") :], chart.bars.ts_ns, panes, place.x0, place.x1)


def overlays(bars: BarColumns, values: F64) -> bool:
    """
    Return whether a feature's columns, float64[n, k], belong on the price: all of them lie where prices do.

    A unit of price is not enough: an average true range or a MACD has it too.
    """
    known = values[np.isfinite(values)]
    low, high = float(np.nanmin(bars.low)), float(np.nanmax(bars.high))
    # half the lowest price as well: after a great fall, zero is not farther from it than the range is wide
    floor, ceiling = max(2.0 * low - high, 0.5 * low), 2.0 * high - low
    return bool(len(known)) and bool(np.quantile(known, 0.05) > floor and np.quantile(known, 0.95) < ceiling)


def _figure(chart: Chart) -> tuple[Figure, list[tuple[Axes, list[BoundFeature]]]]:
    over: list[BoundFeature] = []
    below: list[BoundFeature] = []
    for bound in chart.features.features:
        # a share or a width beside prices, as Bollinger bands have, is read on the page but not drawn
        priced = any(_is_price(output.unit) for output in bound.feature.outputs)
        onto = priced and overlays(chart.bars, _columns(chart, bound, only_prices=True))
        (over if onto else below).append(bound)
    stack = [(over, _PRICE_IN), *(([bound], _PANE_IN) for bound in below)]
    keys = [_key(chart, features, price=index == 0) for index, (features, _) in enumerate(stack)]
    height = _HEAD_IN + _FOOT_IN + sum(tall + key.height_in for (_, tall), key in zip(stack, keys, strict=True))
    figure = Figure(figsize=(_WIDTH_IN, height), facecolor="white")
    at = 1.0 - 0.28 / height
    figure.text(_LEFT, at, chart.title, fontsize=13, fontweight="bold", va="center")
    span = " to ".join(
        datetime.fromtimestamp(int(ts_ns) // 10**9, UTC).strftime("%Y-%m-%d %H:%M")
        for ts_ns in chart.bars.ts_ns[[0, -1]]
    )
    figure.text(_RIGHT, at, f"{span} UTC", color=_MUTED, fontsize=9, ha="right", va="center")
    axes: list[tuple[Axes, list[BoundFeature]]] = []
    top = height - _HEAD_IN
    for (features, tall), key in zip(stack, keys, strict=True):
        top -= key.height_in
        axis = figure.add_axes((_LEFT, (top - tall) / height, _RIGHT - _LEFT, tall / height))
        axes.append((axis, list(features)))
        top -= tall
    days = chart.bars.ts_ns / _DAY_NS
    _prices(axes[0][0], days, chart.bars)
    for index, (axis, features) in enumerate(axes):
        colour = 0
        for bound in features:
            colour = _feature(axis, days, chart, bound, colour, price=index == 0)
        _dress(axis, days, last=index == len(axes) - 1)
        if features:
            axis.legend(
                loc="lower left", bbox_to_anchor=(-0.004, 0.985), ncols=keys[index].columns, fontsize=8.5,
                frameon=False, borderpad=0.2, handlelength=1.4, columnspacing=1.3, labelspacing=0.25,
            )  # fmt: skip
    return figure, axes


def _prices(axis: Axes, days: F64, bars: BarColumns) -> None:
    if len(bars) > _CANDLES_MAX:
        axis.plot(days, bars.close, color=_INK, linewidth=1.1, zorder=3.0)
        return
    step = float(np.median(np.diff(days)))
    # a bar stands over its own time: its stamp is its close
    middle, half = days - 0.5 * step, 0.34 * step
    for rising, colour in ((True, _UP), (False, _DOWN)):
        rows = np.flatnonzero((bars.close >= bars.open) == rising)
        wicks = [((middle[row], bars.low[row]), (middle[row], bars.high[row])) for row in rows]
        bodies = []
        for row in rows:
            left, right, bottom, top = middle[row] - half, middle[row] + half, bars.open[row], bars.close[row]
            bodies.append(((left, bottom), (right, bottom), (right, top), (left, top)))
        axis.add_collection(LineCollection(wicks, colors=colour, linewidths=0.8))
        axis.add_collection(PolyCollection(bodies, facecolors=colour, edgecolors=colour, linewidths=0.6))
    axis.autoscale_view()


def _feature(axis: Axes, days: F64, chart: Chart, bound: BoundFeature, colour: int, *, price: bool) -> int:
    width = 1.3 if len(days) <= _CANDLES_MAX else 0.9
    chosen = _chosen(chart, bound, only_prices=price)
    band = price and {output.name for output in bound.feature.outputs} >= {"upper", "lower"}
    if band:
        low, high = (chart.values[:, chart.features.column(f"{bound.label}.{end}")] for end in ("lower", "upper"))
        axis.fill_between(days, low, high, color=_COLOURS[colour % len(_COLOURS)], alpha=0.07, linewidth=0.0)
    for name, column in chosen:
        values = chart.values[:, column]
        end = name.rpartition(".")[2]
        if end == "histogram":
            step = float(np.median(np.diff(days)))
            axis.bar(days, values, width=0.7 * step, color=np.where(values >= 0, _UP, _DOWN).tolist(), alpha=0.5)
            continue
        dashes = "--" if band and end not in {"upper", "lower"} else "-"
        axis.plot(days, values, dashes, color=_COLOURS[colour % len(_COLOURS)], linewidth=width, label=name)
        colour += 0 if band else 1
    values = chart.values[:, [column for _, column in chosen]]
    if not price and (values < 0.0).any() and (values > 0.0).any():
        axis.axhline(0.0, color="#b9c3d2", linewidth=0.8, zorder=0.5)
    return colour + (1 if band else 0)


def _dress(axis: Axes, days: F64, *, last: bool) -> None:
    step = float(np.median(np.diff(days)))
    axis.set_xlim(days[0] - step, days[-1] + step)
    axis.margins(y=0.08)
    axis.grid(color=_LINE, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.yaxis.tick_right()
    axis.yaxis.set_major_formatter(FuncFormatter(_tick))
    axis.tick_params(length=0, labelsize=8.5)
    for side in ("top", "left"):
        axis.spines[side].set_visible(False)
    locator = AutoDateLocator(minticks=5, maxticks=11)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_formatter(formatter)
    axis.tick_params(labelbottom=last)


def _key(chart: Chart, features: Sequence[BoundFeature], *, price: bool) -> _Key:
    names = [name for bound in features for name, _ in _chosen(chart, bound, only_prices=price)]
    columns = max(_KEY_CHARACTERS // (max(map(len, names), default=0) + 6), 1)
    return _Key(columns, 0.14 + 0.17 * max(-(-len(names) // columns), 1))


def _tick(value: float, _: int) -> str:
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def _chosen(chart: Chart, bound: BoundFeature, *, only_prices: bool) -> list[tuple[str, int]]:
    pairs = zip(bound.columns, bound.feature.outputs, strict=True)
    return [(name, chart.features.column(name)) for name, output in pairs if not only_prices or _is_price(output.unit)]


def _is_price(unit: str) -> bool:
    return unit.partition(",")[0] == "price"


def _columns(chart: Chart, bound: BoundFeature, *, only_prices: bool) -> F64:
    places = [column for _, column in _chosen(chart, bound, only_prices=only_prices)]
    return np.asarray(chart.values[:, places])


def _lines(chart: Chart, features: Sequence[BoundFeature], *, price: bool) -> list[tuple[str, F64]]:
    listed: list[tuple[str, F64]] = []
    if price:
        bars = chart.bars
        listed += [("open", bars.open), ("high", bars.high), ("low", bars.low), ("close", bars.close)]
    for bound in features:
        listed += [(name, chart.values[:, column]) for name, column in _chosen(chart, bound, only_prices=False)]
    return listed
