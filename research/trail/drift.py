"""Find the first difference between two runs, and say which kind it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import zip_longest
from typing import Any

import msgspec

from research.trail.folder import Fill, TrailFolder


class Kind(IntEnum):
    """What differs first; of differences at one instant, the one that can cause the others comes first."""

    DATA = 0
    TIMING = 1
    FILL = 2
    FEE = 3
    FUNDING = 4
    ACCOUNT = 5
    SIGNAL = 6
    VERDICT = 7


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """
    One difference.

    `ts_ns` is when (the earlier where the two differ), `where` what it is about, and `first` and `other` are the two
    sides' values; None where a side has nothing there.
    """

    kind: str
    ts_ns: int
    where: str
    first: Any
    other: Any


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What two runs have in common, and where they part; `difference` is None where they do not."""

    first: str
    other: str
    equal: bool
    decisions: tuple[int, int]
    fills: tuple[int, int]
    same_decision_hash: bool
    same_data: bool | None
    difference: Difference | None


_ACCOUNT = ("cash", "equity", "position", "exposure", "margin_used", "drawdown", "daily_loss")
_VERDICT = ("verdict", "code", "measured", "limit", "detail", "expires", "mode")
_FUNDING = ("FUNDING", "INTEREST", "LIQUIDATION_TERMS")

type _Found = tuple[int, Kind, str, Any, Any]


def drift(first: TrailFolder, other: TrailFolder) -> Drift:
    """
    Compare two runs, or a paper session and its replay, decision by decision and fill by fill.

    The first difference in time is named; where several fall on one instant, the one that can have caused the others:
    the price shown to the gate (DATA), when something happened (TIMING), a FILL, a FEE, FUNDING (with interest and
    liquidations), money or positions that differ for no reason found (ACCOUNT), what a strategy asked for (SIGNAL), or
    what the gate answered (VERDICT).

    Raises
    ------
    PreconditionError
        If a log is missing or unreadable.

    """
    ours, theirs = list(first.decisions()), list(other.decisions())
    our_fills, their_fills = first.fills(), other.fills()
    found = [
        difference
        for difference in (
            _first_decision(ours, theirs),
            _first_fill(our_fills, their_fills),
            _first_funding(first, other),
        )
        if difference is not None
    ]
    data = {folder.name: _data_fingerprint(folder) for folder in (first, other)}
    prints = [value for value in data.values() if value is not None]
    earliest = min(found, key=lambda difference: difference[:2], default=None)
    return Drift(
        first=first.name,
        other=other.name,
        equal=earliest is None,
        decisions=(len(ours), len(theirs)),
        fills=(len(our_fills), len(their_fills)),
        same_decision_hash=ours == theirs,
        same_data=len(set(prints)) == 1 if len(prints) == 2 else None,
        difference=None
        if earliest is None
        else Difference(
            kind=earliest[1].name, ts_ns=earliest[0], where=earliest[2], first=earliest[3], other=earliest[4]
        ),
    )


def _first_decision(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> _Found | None:
    for number, (line, against) in enumerate(zip_longest(ours, theirs)):
        if line == against:
            continue
        where = f"decision {number}"
        if line is None or against is None:
            one = line or against
            return one["ts"], Kind.SIGNAL, f"{where}: only one side asks", _asked(line), _asked(against)
        ts = min(line["ts"], against["ts"])
        kind, keys = _kind_of(line, against)
        return ts, kind, f"{where} ({line['order']['id']})", _of(line, keys), _of(against, keys)
    return None


def _kind_of(line: dict[str, Any], against: dict[str, Any]) -> tuple[Kind, tuple[str, ...]]:
    def differ(*keys: str) -> tuple[str, ...]:
        return tuple(key for key in keys if line.get(key) != against.get(key))

    asked = differ("strategy", "instrument", "action", "origin", "operator", "reason", "order", "signal")
    same_market = line["instrument"] == against["instrument"] and line["ts"] == against["ts"]
    if same_market and (mark := differ("mark")):
        return Kind.DATA, mark
    if line["ts"] != against["ts"] and _without_ids(line) == _without_ids(against):
        return Kind.TIMING, ("ts",)
    if account := differ(*_ACCOUNT):
        return (Kind.ACCOUNT, account) if not asked else (Kind.SIGNAL, (*asked, *account))
    return (Kind.SIGNAL, asked) if asked else (Kind.VERDICT, differ(*_VERDICT) or tuple(line))


def _without_ids(line: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is asked for: ids hold the time, so a moved order has another one."""
    order = {key: value for key, value in line["order"].items() if key not in ("id", "parent")}
    return line["strategy"], line["instrument"], line["action"], order, line["signal"]


def _of(line: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: line.get(key) for key in keys}


def _asked(line: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if line is None else _of(line, ("ts", "strategy", "instrument", "order", "verdict", "code"))


def _first_fill(ours: Sequence[Fill], theirs: Sequence[Fill]) -> _Found | None:
    for number, (fill, against) in enumerate(zip_longest(ours, theirs)):
        if fill is None or against is None:
            one = fill or against
            return one.ts_ns, Kind.FILL, f"fill {number}: only one side has it", _plain(fill), _plain(against)
        if _figures(fill) == _figures(against):
            continue
        ts = min(fill.ts_ns, against.ts_ns)
        where = f"fill {number} ({fill.client_order_id})"
        changed = [name for name, value in _figures(fill).items() if value != _figures(against)[name]]
        kind = Kind.FEE if changed == ["fee"] else Kind.TIMING if changed == ["ts_ns"] else Kind.FILL
        sides = [{name: getattr(side, name) for name in changed} for side in (fill, against)]
        return ts, kind, where, sides[0], sides[1]
    return None


def _figures(fill: Fill) -> dict[str, Any]:
    """Return a fill without its trade id: venues number trades as they like."""
    figures = msgspec.structs.asdict(fill)
    del figures["trade_id"]
    return figures


def _plain(fill: Fill | None) -> dict[str, Any] | None:
    return None if fill is None else msgspec.structs.asdict(fill)


def _first_funding(first: TrailFolder, other: TrailFolder) -> _Found | None:
    for number, (ours, theirs) in enumerate(zip_longest(_bookings(first), _bookings(other))):
        if ours != theirs:
            one = ours or theirs
            return one[0], Kind.FUNDING, f"booking {number} of the venue", ours, theirs
    return None


def _bookings(folder: TrailFolder) -> Iterator[tuple[int, str, dict[str, Any]]]:
    for record in folder.audit():
        if record.kind in _FUNDING:
            yield record.ts, record.kind, record.data


def _data_fingerprint(folder: TrailFolder) -> str | None:
    path = folder.path / "manifest.json"
    if not path.is_file():
        return None
    fingerprint = msgspec.json.decode(path.read_bytes()).get("data_fingerprint")
    return fingerprint if isinstance(fingerprint, str) else None
