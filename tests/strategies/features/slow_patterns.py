"""Harmonic patterns and Elliott waves once more, in plain Python over whole histories, leg after leg."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from slow_blocks import NAN, Column, wilder_of

from catalog.model import BarColumns


class Swing(NamedTuple):
    price: float
    row: int  # of the extreme
    known: int  # the row that confirms it
    high: bool


def swings(bars: BarColumns, reversal_atr: float, reversal_fraction: float, atr_window: int) -> tuple[int, list[Swing]]:
    """Return the first row of the search, and every swing confirmed."""
    high, low, close = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    ranges = [NAN] + [max(high[i], before) - min(low[i], before) for i, before in enumerate(close[:-1], 1)]
    average = wilder_of(ranges, atr_window)
    begin = atr_window if reversal_atr > 0 else 0

    def distance(row: int, price: float) -> float:
        return max(reversal_atr * average[row] if reversal_atr > 0 else 0.0, reversal_fraction * price)

    def end_of_leg(start: int, up: bool) -> Swing | None:
        extreme = start
        for row in range(start + 1, len(close)):
            if up:
                price, farther, back = high[extreme], high[row] > high[extreme], high[extreme] - low[row]
            else:
                price, farther, back = low[extreme], low[row] < low[extreme], high[row] - low[extreme]
            if farther:
                extreme = row
            elif back > 0 and back >= distance(extreme, price):
                return Swing(price, extreme, row, up)
        return None

    first = [leg for leg in (end_of_leg(begin, up=True), end_of_leg(begin, up=False)) if leg is not None]
    found: list[Swing] = []
    # both directions are open at the start; whichever leg ends first decides, a high where both do
    leg = min(first, key=lambda each: (each.known, not each.high)) if begin < len(close) and first else None
    while leg is not None:
        found.append(leg)
        leg = end_of_leg(leg.known, up=not leg.high)
    return begin, found


# ratio -> range; the stop as (legs' ratio, value)
HARMONIC_TABLE: list[tuple[dict[str, tuple[float, float]], tuple[str, float]]] = [
    ({"XB": (0.618, 0.618), "AC": (0.382, 0.886), "BD": (1.13, 1.618), "XD": (0.786, 0.786)}, ("XD", 1.0)),
    ({"XB": (0.382, 0.5), "AC": (0.382, 0.886), "BD": (1.618, 2.618), "XD": (0.886, 0.886)}, ("XD", 1.0)),
    ({"XB": (0.382, 0.382), "AC": (0.382, 0.886), "BD": (2.0, 3.618), "XD": (1.13, 1.13)}, ("XD", 1.27)),
    ({"XB": (0.382, 0.618), "AC": (0.382, 0.886), "BD": (2.24, 3.618), "XD": (1.618, 1.618)}, ("XD", 2.0)),
    ({"XB": (0.886, 0.886), "AC": (0.382, 0.886), "BD": (2.0, 3.618), "XD": (1.618, 1.618)}, ("XD", 2.0)),
    ({"XB": (0.786, 0.786), "AC": (0.382, 0.886), "BD": (1.618, 2.24), "XD": (1.27, 1.27)}, ("XD", 1.414)),
    ({"XB": (0.5, 0.5), "AC": (0.382, 0.886), "BD": (1.128, 2.618), "XD": (0.786, 0.786)}, ("XD", 1.0)),
    ({"XB": (0.382, 0.618), "XC": (1.272, 1.414), "CD/XC": (0.786, 0.786)}, ("XD", 1.0)),
    ({"XB": (0.382, 0.618), "AC": (1.13, 1.414), "BD": (1.272, 2.0), "XD": (1.272, 1.272)}, ("XD", 1.414)),
    ({"AC": (1.13, 1.618), "BD": (1.618, 2.24), "XD": (0.886, 1.13)}, ("XD", 1.27)),
    ({"PA": (0.618, 0.786), "XB": (1.27, 1.618), "AC": (0.618, 0.786), "BD": (1.27, 1.618)}, ("BD", 2.0)),
    ({"XB": (0.382, 0.724), "AC": (2.0, 4.237), "BD": (0.5, 0.886), "XD": (0.382, 0.886)}, ("XD", 1.0)),
    ({"AC": (0.382, 0.886), "BD": (1.13, 2.618), "CD/AB": (1.0, 1.0)}, ("CD/AB", 1.27)),
    ({"XB": (0.128, 3.618), "AC": (0.382, 0.5), "BD": (1.618, 2.618), "XD": (0.618, 3.618)}, ("BD", 3.14)),
]

# where D lies: measured from which point, in units of which leg
ENDS = {"BD": ("C", "BC"), "XD": ("A", "XA"), "CD/XC": ("C", "XC"), "CD/AB": ("C", "AB")}


def legs_of(points: list[float], before: float | None) -> tuple[dict[str, float], dict[str, float]]:
    """Return points by letter, and lengths by pair of letters, from X, A, B, C (and D)."""
    place = dict(zip("XABCD", points, strict=False))
    length = {a + b: abs(place[b] - place[a]) for a in place for b in place if a < b or a == "X"}
    if before is not None:
        length["PX"] = abs(points[0] - before)
    return place, length


def shape_holds(ranges: dict[str, tuple[float, float]], length: dict[str, float], tolerance: float) -> bool:
    ratios = {"XB": length["AB"] / length["XA"], "AC": length["BC"] / length["AB"], "XC": length["XC"] / length["XA"]}
    if "PA" in ranges:
        if "PX" not in length:
            return False
        ratios["PA"] = length["XA"] / length["PX"]
    return all(
        low * (1 - tolerance) <= ratios[name] <= high * (1 + tolerance)
        for name, (low, high) in ranges.items()
        if name in ratios
    )


def zone_of(
    ranges: dict[str, tuple[float, float]], place: dict[str, float], length: dict[str, float], tolerance: float, up: int
) -> tuple[float, float]:
    """Return near and far end of where D may lie."""
    near, far = [], []
    for name, (origin, unit) in ENDS.items():
        if name in ranges:
            low, high = ranges[name]
            near.append(up * (place[origin] - up * low * (1 - tolerance) * length[unit]))
            far.append(up * (place[origin] - up * high * (1 + tolerance) * length[unit]))
    return up * min(near), up * max(far)


def harmonic(
    bars: BarColumns, reversal_atr: float, reversal_fraction: float, atr_window: int, tolerance: float
) -> list[Column]:
    begin, found = swings(bars, reversal_atr, reversal_fraction, atr_window)
    known = {swing.known: number for number, swing in enumerate(found)}
    rows: list[list[float]] = [[NAN] * 12 for _ in range(min(begin, len(bars)))]
    done: tuple[int, int, float, list[float], int] | None = None
    forming: tuple[int, int, float, float, float, float] | None = None
    for row in range(begin, len(bars)):
        close, high, low = float(bars.close[row]), float(bars.high[row]), float(bars.low[row])
        if row in known:
            number = known[row]
            done = _completed(found[: number + 1], tolerance, row) or done
            forming = _projected(found[: number + 1], tolerance)
        line = [0.0] * 12
        if done:
            pattern, up, stop, targets, since = done
            hit = high >= targets[2] or low <= stop if up > 0 else low <= targets[2] or high >= stop
            if hit:
                done = None
            else:
                line[:7] = [pattern, up, stop / close - 1, *(target / close - 1 for target in targets), row - since]
        if forming:
            pattern, up, c, near, far, stop = forming
            if low <= stop if up > 0 else high >= stop:
                forming = None
            else:
                inside = min(near, far) <= close <= max(near, far)
                edge = near if up * (close - near) > 0 else far
                line[7:] = [
                    pattern,
                    up,
                    (c - close) / (c - near),
                    0.0 if inside else edge / close - 1,
                    stop / close - 1,
                ]
        rows.append(line)
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(12)]


def _completed(found: list[Swing], tolerance: float, row: int) -> tuple[int, int, float, list[float], int] | None:
    if len(found) < 5:
        return None
    points = [swing.price for swing in found[-5:]]
    up = -1 if found[-1].high else 1
    place, length = legs_of(points, found[-6].price if len(found) > 5 else None)
    for number, (ranges, stop) in enumerate(HARMONIC_TABLE, 1):
        near, far = zone_of(ranges, place, length, tolerance, up)
        if shape_holds(ranges, length, tolerance) and up * far <= up * place["D"] <= up * near:
            start = up * max(up * place["A"], up * place["C"])
            targets = [place["D"] + share * (start - place["D"]) for share in (0.382, 0.618, 1.0)]
            return number, up, _stop_of(stop, place, length, up), targets, row
    return None


def _projected(found: list[Swing], tolerance: float) -> tuple[int, int, float, float, float, float] | None:
    if len(found) < 4:
        return None
    points = [swing.price for swing in found[-4:]]
    up = 1 if found[-1].high else -1
    place, length = legs_of(points, found[-5].price if len(found) > 4 else None)
    for number, (ranges, stop) in enumerate(HARMONIC_TABLE, 1):
        near, far = zone_of(ranges, place, length, tolerance, up)
        if shape_holds(ranges, length, tolerance) and up * far <= up * near:
            return number, up, place["C"], near, far, _stop_of(stop, place, length, up)
    return None


def _stop_of(stop: tuple[str, float], place: dict[str, float], length: dict[str, float], up: int) -> float:
    origin, unit = ENDS[stop[0]]
    return place[origin] - up * stop[1] * length[unit]


def fits(ratio: float, wanted: tuple[float, ...], tolerance: float) -> bool:
    return any(abs(ratio / each - 1) <= tolerance for each in wanted)


BACK = (0.382, 0.5, 0.618, 0.786)
EQUAL = (0.618, 1.0, 1.618)


def three_waves(points: list[float], up: int) -> bool:
    start, a, b, c = (up * point for point in points)
    return b > start and c > a


def count(points: list[float], kind: int, tolerance: float) -> int | None:
    """Return the waves without a ratio in a count of a kind, None if it is no such count."""
    up = 1 if points[1] > points[0] else -1
    size = [abs(b - a) for a, b in pairwise(points)]
    if kind == 1:
        w, y, z = points[0:4], points[4:8], points[8:12]
        if not all(three_waves(part, up) for part in (w, y, z)):
            return None
        if not up * w[0] < up * y[0] < up * z[0]:
            return None
        net = [abs(part[3] - part[0]) for part in (w, y, z)]
        joins = [fits(size[3] / net[0], BACK, tolerance), fits(size[7] / net[1], BACK, tolerance)]
        return [*joins, fits(net[1] / net[0], EQUAL, tolerance), fits(net[2] / net[1], EQUAL, tolerance)].count(False)
    if kind in (2, 3):
        second_holds = up * points[2] >= up * points[0]
        fourth_holds = up * points[4] > up * points[1]
        third_holds = kind == 3 or size[2] >= min(size[0], size[4])
        if not (second_holds and third_holds and fourth_holds):
            return None
        held = [
            fits(size[1] / size[0], BACK, tolerance),
            fits(size[2] / size[0], (1.0, 1.618, 2.618), tolerance),
            fits(size[3] / size[2], (0.236, 0.382, 0.5), tolerance),
        ]
        return [*held, *([fits(size[4] / size[0], EQUAL, tolerance)] if kind == 2 else [])].count(False)
    b, c = size[1] / size[0], size[2] / size[0]
    if kind == 4:
        if not three_waves(points, up):
            return None
        return [fits(b, BACK, tolerance), fits(c, EQUAL, tolerance)].count(False)
    if b < 1 - tolerance:
        return None
    return [fits(b, (1.0, 1.236, 1.382), tolerance), fits(c, (1.0, 1.618, 2.618), tolerance)].count(False)


PIVOTS = {1: 12, 2: 6, 3: 5, 4: 4, 5: 4}
DAYS = (1 / 24, 1.0, 7.0, 28.0, 182.625, 730.5, 7305.0, 36525.0)


def elliott(
    bars: BarColumns,
    reversal_atr: float,
    reversal_fraction: float,
    atr_window: int,
    tolerance: float,
    misfits: int,
) -> list[Column]:
    begin, found = swings(bars, reversal_atr, reversal_fraction, atr_window)
    known = {swing.known: number for number, swing in enumerate(found)}
    rows: list[list[float]] = [[NAN] * 8 for _ in range(min(begin, len(bars)))]
    alive: tuple[int, int, int, float, list[float], int] | None = None
    for row in range(begin, len(bars)):
        close, high, low = float(bars.close[row]), float(bars.high[row]), float(bars.low[row])
        if row in known:
            alive = _counted(bars, found[: known[row] + 1], tolerance, misfits) or alive
        line = [0.0] * 8
        if alive:
            kind, ahead, degree, void, targets, since = alive
            if (low < void or high >= targets[2]) if ahead > 0 else (high > void or low <= targets[2]):
                alive = None
            else:
                levels = [level / close - 1 for level in (void, *targets)]
                line = [kind, ahead, degree, *levels, row - since]
        rows.append(line)
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(8)]


def _counted(
    bars: BarColumns, found: list[Swing], tolerance: float, misfits: int
) -> tuple[int, int, int, float, list[float], int] | None:
    for kind, needed in PIVOTS.items():
        if len(found) < needed:
            continue
        part = found[-needed:]
        points = [swing.price for swing in part]
        missing = count(points, kind, tolerance)
        if missing is None or missing > misfits:
            continue
        up = 1 if points[1] > points[0] else -1
        days = int(bars.ts_ns[part[-1].row] - bars.ts_ns[part[0].row]) / 86_400e9
        degree = 1 + sum(days >= border for border in DAYS)
        start, end = points[0], points[-1]
        if kind == 3:
            targets = [end + share * (points[1] - start) for share in (0.618, 1.0, 1.618)]
            return kind, up, degree, points[1], targets, part[-1].known
        shares = (0.382, 0.5, 0.618) if kind == 2 else (0.618, 1.0, 1.618)
        return kind, -up, degree, end, [end + share * (start - end) for share in shares], part[-1].known
    return None
