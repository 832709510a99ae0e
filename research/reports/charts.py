"""Draw charts as inline SVG: no script needed to see them, a little to read values off them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from catalog.model import F64, I64
from research.reports.formats import escape, when

WIDTH = 1080.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 12.0, 26.0
SECONDS_PER_TICK = (
    3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400,
)  # fmt: skip
MONTHS_PER_TICK = (1, 2, 3, 6, 12, 24, 60)


class Series(NamedTuple):
    """A line; with `area` the space between it and that value is filled. NaN breaks it."""

    name: str
    values: F64
    style: str
    area: float | None = None


class Band(NamedTuple):
    """A filled range between two lines."""

    name: str
    low: F64
    high: F64
    style: str


class Rule(NamedTuple):
    """A horizontal line with a label."""

    value: float
    label: str


class Axis(NamedTuple):
    """A value axis: its ends, its ticks, and whether distances are ratios."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool

    def place(self, values: F64, height: float) -> F64:
        """Return pixel rows of values."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        scaled = np.log(np.maximum(values, 1e-300)) if self.log else values
        return np.asarray(TOP + (height - TOP - BOTTOM) * (high - scaled) / (high - low))


def line_chart(
    label: str,
    ts_ns: I64,
    series: Sequence[Series],
    *,
    bands: Sequence[Band] = (),
    rules: Sequence[Rule] = (),
    height: float = 300.0,
    tick: Callable[[float], str],
    value: Callable[[float | None], str],
    ratio: bool = False,
    ends: tuple[float | None, float | None] = (None, None),
) -> str:
    """
    Return a figure of lines over time.

    Parameters
    ----------
    label : str
        What it shows, for those who cannot see it.
    ts_ns : int64[n]
        Ascending times, shared by all lines.
    series, bands, rules
        What to draw, the last on top. Arrays are float64[n]; NaN leaves a gap.
    height : float
        In pixels at a width of 1080.
    tick, value : callable
        Writers of axis labels and of the values a reader points at.
    ratio : bool
        Use a logarithmic axis when all values are positive and span more than a factor of four.
    ends : tuple
        Forced ends of the value axis, None where the data decide.

    """
    if len(ts_ns) < 2:
        return f'<p class="empty">{escape(label)}: too few points to draw.</p>'
    everything = np.concatenate(
        [line.values for line in series] + [edge for band in bands for edge in (band.low, band.high)]
    )
    axis = _axis(np.r_[everything, [rule.value for rule in rules]], ratio, ends)
    across = LEFT + (WIDTH - LEFT - RIGHT) * (ts_ns - ts_ns[0]) / float(ts_ns[-1] - ts_ns[0])
    parts = [_grid(axis, ts_ns, height, tick)]
    parts += [_band(across, axis.place(band.low, height), axis.place(band.high, height), band.style) for band in bands]
    for line in series:
        down = axis.place(line.values, height)
        if line.area is not None:
            base = axis.place(np.clip(np.full(len(down), line.area), axis.low, axis.high), height)
            parts.append(_band(across, np.where(np.isnan(down), np.nan, base), down, f"{line.style} fill"))
        parts.append(f'<path class="line {line.style}" d="{_path(across, down)}"/>')
    for rule in rules:
        row = float(axis.place(np.array([rule.value]), height)[0])
        parts.append(
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{row:.1f}" y2="{row:.1f}"/>'
            f'<text class="rule" x="{WIDTH - RIGHT - 4}" y="{row - 4:.1f}" text-anchor="end">'
            f"{escape(rule.label)}</text>"
        )
    parts.append(f'<line class="cursor" x1="0" x2="0" y1="{TOP}" y2="{height - BOTTOM}"/>')
    return _figure(label, "".join(parts), height, _readings(across, ts_ns, series, bands, value))


def bar_chart(label: str, edges: F64, counts: Sequence[int], *, tick: Callable[[float], str]) -> str:
    """Return a histogram; bars below zero and above it are told apart by colour."""
    height, width = 220.0, 520.0
    top = max([*counts, 1])
    low, high = float(edges[0]), float(edges[-1])
    column = (width - LEFT - RIGHT) / len(counts)
    parts = []
    for row in _linear_ticks(0.0, float(top), 4):
        level = height - BOTTOM - (height - TOP - BOTTOM) * row / top
        if row == int(row):
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{int(row)}</text>')
    for index, count in enumerate(counts):
        tall = (height - TOP - BOTTOM) * count / top
        side = "down" if (edges[index] + edges[index + 1]) / 2 < 0.0 else "up"
        title = f"{tick(float(edges[index]))} to {tick(float(edges[index + 1]))}: {count}"
        parts.append(
            f'<rect class="{side}" x="{LEFT + index * column + 0.5:.1f}" y="{height - BOTTOM - tall:.1f}" '
            f'width="{max(column - 1, 0.5):.1f}" height="{tall:.1f}"><title>{escape(title)}</title></rect>'
        )
    for mark in _linear_ticks(low, high, 5):
        place = LEFT + (width - LEFT - RIGHT) * (mark - low) / (high - low)
        parts.append(f'<text x="{place:.1f}" y="{height - 8}" text-anchor="middle">{escape(tick(mark))}</text>')
    return _figure(label, "".join(parts), height, "", width)


def decimate(values: F64, limit: int) -> I64:
    """
    Return at most about `limit` row numbers that keep the shape: each bucket's lowest and highest, and both ends.

    NaN rows are never chosen, except the ends.
    """
    if len(values) <= limit:
        return np.arange(len(values), dtype=np.int64)
    rows = [0, len(values) - 1]
    for bucket in np.array_split(np.arange(len(values)), max(limit // 2 - 1, 1)):
        known = bucket[np.isfinite(values[bucket])]
        if len(known):
            rows += [int(known[np.argmin(values[known])]), int(known[np.argmax(values[known])])]
    return np.unique(np.array(rows, dtype=np.int64))


def _axis(values: F64, ratio: bool, ends: tuple[float | None, float | None]) -> Axis:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if ratio and low > 0.0 and high / low > 4.0:
        low, high = low / 1.05, high * 1.05
        return Axis(low, high, _ratio_ticks(low, high), log=True)
    pad = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    low = low - pad if ends[0] is None else ends[0]
    high = high + pad if ends[1] is None else ends[1]
    if not high > low:
        low, high = low - 1.0, low + 1.0
    return Axis(low, high, _linear_ticks(low, high, 5), log=False)


def _ratio_ticks(low: float, high: float) -> tuple[float, ...]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0), (1.0, 2.0, 5.0), (1.0,)):
        ticks = [mantissa * 10.0**power for power in powers for mantissa in mantissas]
        inside = tuple(one for one in ticks if low <= one <= high)
        if len(inside) <= 8:
            return inside
    return inside


def _linear_ticks(low: float, high: float, wanted: int) -> tuple[float, ...]:
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return tuple(index * step for index in range(first, math.floor(high / step + 1e-9) + 1))


def _time_ticks(ts_ns: I64) -> list[tuple[int, str]]:
    begin, end = int(ts_ns[0]) // 10**9, int(ts_ns[-1]) // 10**9
    step = next((size for size in SECONDS_PER_TICK if (end - begin) / size <= 10), None)
    if step is not None:
        shape = "%d %b %H:%M" if step < 86400 else "%d %b %Y" if end - begin > 300 * 86400 else "%d %b"
        marks = range(-(-begin // step) * step, end + 1, step)
        return [(mark * 10**9, datetime.fromtimestamp(mark, UTC).strftime(shape)) for mark in marks]
    first = datetime.fromtimestamp(begin, UTC)
    months = (end - begin) / 86400 / 30.44
    every = next((size for size in MONTHS_PER_TICK if months / size <= 10), 120)
    ticks = []
    for month in range(first.year * 12 // every * every, 12 * 10000, every):
        stamp = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        seconds = int(stamp.timestamp())
        if seconds > end:
            break
        if seconds >= begin:
            ticks.append((seconds * 10**9, stamp.strftime("%Y" if every >= 12 else "%b %Y")))
    return ticks


def _grid(axis: Axis, ts_ns: I64, height: float, tick: Callable[[float], str]) -> str:
    parts = []
    for mark, row in zip(axis.ticks, axis.place(np.array(axis.ticks), height), strict=True):
        kind = "grid zero" if mark == 0.0 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{row:.1f}" y2="{row:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{row + 4:.1f}" text-anchor="end">{escape(tick(mark))}</text>')
    for stamp, text in _time_ticks(ts_ns):
        place = LEFT + (WIDTH - LEFT - RIGHT) * (stamp - int(ts_ns[0])) / float(ts_ns[-1] - ts_ns[0])
        if LEFT + 24 < place < WIDTH - RIGHT - 24:
            parts.append(
                f'<line class="grid tick" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{height - BOTTOM}"/>'
                f'<text x="{place:.1f}" y="{height - 8}" text-anchor="middle">{text}</text>'
            )
    return "".join(parts)


def _path(across: F64, down: F64) -> str:
    commands, pen_up = [], True
    for x, y in zip(across.tolist(), down.tolist(), strict=True):
        if math.isnan(y):
            pen_up = True
            continue
        commands.append(f"{'M' if pen_up else 'L'}{x:.1f} {y:.1f}")
        pen_up = False
    return "".join(commands)


def _band(across: F64, low: F64, high: F64, style: str) -> str:
    known = np.isfinite(low) & np.isfinite(high)
    runs = np.split(np.arange(len(known)), np.flatnonzero(np.diff(known.astype(np.int8))) + 1)
    shapes = []
    for run in runs:
        if known[run[0]]:
            ring = _path(np.r_[across[run], across[run][::-1]], np.r_[high[run], low[run][::-1]])
            shapes.append(f"{ring}Z")
    return f'<path class="{style}" d="{"".join(shapes)}"/>'


def _readings(
    across: F64, ts_ns: I64, series: Sequence[Series], bands: Sequence[Band], value: Callable[[float | None], str]
) -> str:
    """Return what the pointer reads, as JSON safe inside a script element."""
    lines = [(line.name, line.values) for line in reversed(series)]
    for band in bands:
        lines += [(f"{band.name}, high", band.high), (f"{band.name}, low", band.low)]
    document = {
        "x": [round(place, 1) for place in across.tolist()],
        "t": [when(stamp) for stamp in ts_ns.tolist()],
        "s": [[name, [value(point) for point in values.tolist()]] for name, values in lines],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _figure(label: str, body: str, height: float, readings: str, width: float = WIDTH) -> str:
    data = f'<script type="application/json">{readings}</script>' if readings else ""
    return (
        f'<figure class="chart"><svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>{data}<div class="reading" hidden></div></figure>'
    )
