"""Split a run's result by cost, instrument and exit, and join each trade with the order that opened it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np

from catalog.model import F64
from research.reports import metrics
from research.reports.formats import number
from research.reports.record import Frame, Record
from research.reports.schema import Summary
from research.reports.summary import closed, column, total, trade_profits, traded_notional


class Costs(NamedTuple):
    """
    The change of equity taken apart, in quote currency, plus earned and minus paid.

    `before_costs` is what the same trades would have made at the venue's reference prices, free of charge:
    ``before_costs + slippage + fees + funding + interest == net``.
    """

    before_costs: float
    slippage: float
    fees_taker: float
    fees_maker: float
    funding: float
    interest: float
    net: float
    notional: float


class Slice(NamedTuple):
    """Figures of some of the trades; `profit_factor` is NaN without a losing one."""

    name: str
    trades: int
    longs: int
    win_rate: float
    profit_factor: float
    net: float
    mean: float
    hours: float
    fees: float
    funding: float
    slippage: float
    notional: float


class Origin(NamedTuple):
    """What opened a trade: the order's role, the signal's figures in a few words, and all its tags."""

    role: str
    signal: str
    tags: str


UNKNOWN = Origin("", "", "")


def split_costs(record: Record, summary: Summary) -> Costs:
    """Return where the change of equity came from."""
    net = (summary.final_equity or 0.0) - (summary.start_equity or 0.0)
    slippage, fees, funding = summary.slippage or 0.0, summary.fees or 0.0, summary.funding or 0.0
    interest = summary.interest or 0.0
    maker = total(record.fills[record.fills["liquidity"] == "MAKER"], "fee")
    return Costs(
        before_costs=net - funding - interest + fees + slippage,
        slippage=-slippage,
        fees_taker=-(fees - maker),
        fees_maker=-maker,
        funding=funding,
        interest=interest,
        net=net,
        notional=traded_notional(record.fills),
    )


def by_instrument(record: Record) -> list[Slice]:
    """Return the closed trades and all costs of each instrument of the run, traded or not."""
    ended = closed(record.positions)
    return [
        _slice(name, ended[ended["instrument"] == name], record.fills[record.fills["instrument"] == name])
        for name in record.manifest.instruments
    ]


def by_exit(record: Record) -> list[Slice]:
    """Return the closed trades by the role of the order that ended them, the most frequent first."""
    ended = closed(record.positions)
    roles = ended["exit_role"].fillna("").astype(str)
    counts = roles.value_counts()
    names = sorted(counts.index, key=lambda role: (-int(counts[role]), role))
    return [
        _slice(role or "unnamed", ended[roles == role], record.fills[record.fills["role"] == role]) for role in names
    ]


def trade_returns(positions: Frame) -> F64:
    """Return what each trade earned after all costs, as a fraction of its largest notional."""
    notional = column(positions, "quantity_peak") * column(positions, "entry_price")
    return np.where(notional > 0.0, trade_profits(positions) / np.where(notional > 0.0, notional, 1.0), np.nan)


def origins(record: Record) -> dict[tuple[str, int], Origin]:
    """Return what opened the trades, by instrument and time of the opening fill."""
    tags = dict(zip(record.orders["client_order_id"], record.orders["tags"], strict=True))
    found: dict[tuple[str, int], Origin] = {}
    fills = record.fills
    for name, ts_ns, order_id, role in zip(
        fills["instrument"], fills["ts_ns"], fills["client_order_id"], fills["role"], strict=True
    ):
        if str(role) not in {"STOP_LOSS", "TAKE_PROFIT", "EXIT", "LIQUIDATION"}:
            text = tag_text(tags.get(order_id))
            found.setdefault((str(name), int(ts_ns)), Origin(_text(role), signal_words(text), text))
    return found


def tag_text(tags: Any) -> str:
    """Return an order's tags as one line, however the table holds them."""
    if isinstance(tags, str):
        return tags
    if isinstance(tags, list | tuple | np.ndarray):
        return ", ".join(str(tag) for tag in tags)
    return ""


def signal_words(tags: str) -> str:
    """Return source, direction and confidence of the signal among the tags, as ``+0.62 / 0.55``; empty without one."""
    _, found, rest = tags.partition("signal:")
    if not found:
        return ""
    try:
        signal = msgspec.json.decode(rest[: rest.rindex("}") + 1])
    except (msgspec.DecodeError, ValueError):
        return ""
    if not isinstance(signal, dict):
        return ""
    direction, confidence = signal.get("direction"), signal.get("confidence")
    figures = [number(direction, 2, sign=True)] if isinstance(direction, int | float) else []
    figures += [number(confidence)] if isinstance(confidence, int | float) else []
    return " ".join(part for part in (str(signal.get("source", "")), " / ".join(figures)) if part)


def _slice(name: str, positions: Frame, fills: Frame) -> Slice:
    profits = trade_profits(positions)
    hours = (column(positions, "ts_closed_ns") - column(positions, "ts_opened_ns")) / 3.6e12
    return Slice(
        name=str(name),
        trades=len(profits),
        longs=int((positions["side"] == "LONG").sum()),
        win_rate=metrics.win_rate(profits),
        profit_factor=metrics.profit_factor(profits),
        net=float(np.sum(profits)),
        mean=float(np.mean(profits)) if len(profits) else float("nan"),
        hours=float(np.mean(hours)) if len(hours) else float("nan"),
        fees=total(fills, "fee"),
        funding=total(positions, "funding"),
        slippage=total(fills, "slippage"),
        notional=traded_notional(fills),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
