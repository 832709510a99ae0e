"""Write plausible but made-up run folders: a seeded walk of prices, traded at random, with consistent books."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from catalog.model import BarColumns, FundingColumns
from research.reports.baselines import Market
from research.reports.schema import EQUITY, FILLS, ORDERS, POSITIONS, Manifest

HOUR = 3_600_000_000_000
START = 1_609_459_200_000_000_000  # 2021-01-01
BTC, ETH = "BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"
FEE, SLIPPAGE_BPS = 0.0005, 2.0
EMPTY: dict[str, tuple[str, ...]] = {"orders": ORDERS, "fills": FILLS, "positions": POSITIONS, "equity": EQUITY}
TEXT = {
    "instrument", "strategy", "client_order_id", "role", "side", "type", "status", "reason", "tags", "trade_id",
    "liquidity", "exit_role",
}  # fmt: skip


@dataclass
class Books:
    """Rows of the tables while they are made."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    equity: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    audit: list[dict[str, Any]] = field(default_factory=list)


def walk(bars: int, price: float, seed: int, volatility: float = 0.006) -> Market:
    """Make hourly bars of a seeded walk, with funding every eight hours."""
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(random.normal(2e-5, volatility, bars)))
    opened = np.r_[price, close[:-1]]
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    ts_ns = START + HOUR * np.arange(1, bars + 1, dtype=np.int64)
    due = ts_ns[7::8]
    funding = FundingColumns(due, random.normal(1e-4, 1e-4, len(due)))
    columns = BarColumns(ts_ns, opened, high, low, close, random.lognormal(5, 1, bars))
    return Market(bars=columns, funding=funding, taker_fee=FEE, slippage_bps=SLIPPAGE_BPS)


def write_run(
    folder: Path,
    *,
    hours: int = 24 * 400,
    seed: int = 1,
    trades: int = 150,
    skill: float = 0.53,
    size: float = 0.6,
    refused: int = 40,
    liquidate: bool = False,
    run_id: str | None = None,
    markets: dict[str, Market] | None = None,
    **manifest: Any,
) -> dict[str, Market]:
    """Write one run folder and return the markets it traded on."""
    markets = markets or {BTC: walk(hours, 30_000.0, seed), ETH: walk(hours, 1_000.0, seed + 1, 0.008)}
    random = np.random.default_rng(seed + 100)
    books = Books()
    cash_flows: dict[int, float] = {}
    held: dict[str, np.ndarray] = {}
    for name, market in markets.items():
        held[name] = np.zeros(len(market.bars))
        _trade(
            books,
            name,
            market,
            trades // len(markets),
            skill,
            size,
            random,
            cash_flows,
            held[name],
            liquidate and name == BTC,
        )
    _mark(books, markets, held, cash_flows)
    _decide(books, random, refused)
    folder.mkdir(parents=True, exist_ok=True)
    for table, columns in EMPTY.items():
        rows = sorted(getattr(books, table), key=lambda row: row[columns[0]])
        frame = pd.DataFrame(rows, columns=list(columns))
        for column in columns:
            if column in TEXT:
                frame[column] = frame[column].astype("string")
            elif column.endswith("_ns") or column == "open_positions":
                frame[column] = frame[column].astype("Int64" if column == "ts_closed_ns" else "int64")
            else:
                frame[column] = frame[column].astype("bool" if column == "reduce_only" else "float64")
        frame.to_parquet(folder / f"{table}.parquet", index=False)
    log = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in books.decisions)
    (folder / "decisions.jsonl").write_text(log)
    (folder / "audit.jsonl").write_text("".join(json.dumps(line) + "\n" for line in books.audit))
    (folder / "config.toml").write_text('strategy = "fused"\nmode = "FULL_AUTO"\n[limits]\nrisk = 0.02\n')
    times = next(iter(markets.values())).bars.ts_ns
    facts: dict[str, Any] = {
        "run_id": run_id or folder.name,
        "strategy": "fused",
        "instruments": tuple(markets),
        "bar": "1-HOUR",
        "start": iso(int(times[0]) - HOUR),
        "end": iso(int(times[-1])),
        "mode": "FULL_AUTO",
        "currency": "USDT",
        "start_equity": 100_000.0,
        "bars": sum(len(market.bars) for market in markets.values()),
        "code_version": "0.1.0+synthetic",
        "config_fingerprint": hashlib.sha256(b"config").hexdigest(),
        "data_fingerprint": hashlib.sha256(str(seed).encode()).hexdigest(),
        "engine_version": "nautilus_trader 1.231.0",
        "decision_hash": hashlib.sha256(log.encode()).hexdigest(),
        "seeds": {"venue": 42, "random_entries": 7},
        "assumptions": {
            "Data": "Synthetic seeded walk made by a test, no market data",
            "Fills": "Market orders at the next bar's open plus 2 bp slippage",
            "Fees": "Taker 5 bp, maker 2 bp",
            "Funding": "Every 8 hours on mark notional, a long pays a positive rate",
            "Latency": "100 ms from decision to venue",
            "Liquidation": "Maintenance brackets on mark price",
        },
        "warnings": (),
    }
    (folder / "manifest.json").write_bytes(msgspec.json.encode(Manifest(**(facts | manifest))))
    return markets


def iso(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _trade(
    books: Books,
    name: str,
    market: Market,
    trades: int,
    skill: float,
    size: float,
    random: np.random.Generator,
    cash_flows: dict[int, float],
    held: np.ndarray,
    liquidate: bool,
) -> None:
    """Trade one instrument one position after another; `skill` is the (foreseen) share of right sides."""
    bars, funding = market.bars, market.funding
    length = len(bars)
    if not trades:
        return
    starts = np.sort(random.choice(np.arange(2, length - 1), min(trades, length - 4), replace=False))
    for number, begin in enumerate(starts):
        limit = starts[number + 1] if number + 1 < len(starts) else length - 1
        end = int(min(begin + random.integers(3, 60), limit, length - 1))
        if end <= begin:
            continue
        rises = bars.open[end] > bars.open[begin]
        sign = 1.0 if (random.random() < skill) == rises else -1.0
        ruin = liquidate and number == len(starts) // 2
        if ruin:
            sign = -1.0 if rises else 1.0
        quantity = round(size * 100_000.0 / bars.open[begin], 3) * (30 if ruin else 1)
        role = "LIQUIDATION" if ruin else str(random.choice(["STOP_LOSS", "TAKE_PROFIT", "EXIT"], p=[0.45, 0.35, 0.2]))
        opened, closed = int(bars.ts_ns[begin]) - HOUR + 250_000_000, int(bars.ts_ns[end]) - HOUR + 250_000_000
        entry = _fill(books, name, number, "ENTRY", sign, quantity, bars.open[begin], opened)
        leave = _fill(books, name, number, role, -sign, quantity, bars.open[end], closed)
        paid = 0.0
        assert funding is not None
        for ts, rate in zip(funding.ts_ns, funding.rate, strict=True):
            if opened < ts <= closed:
                mark = float(bars.close[np.searchsorted(bars.ts_ns, ts)])
                amount = -sign * quantity * mark * float(rate)
                paid += amount
                cash_flows[int(ts)] = cash_flows.get(int(ts), 0.0) + amount
                data = {"instrument": name, "rate": float(rate), "mark": mark, "signed_quantity": sign * quantity}
                record = {"seq": 0, "ts": int(ts), "kind": "FUNDING", "data": data | {"amount": amount}}
                books.audit.append(record | {"prev": "", "hash": ""})
        fees = (entry + leave) * quantity * FEE
        for ts, flow in ((opened, -sign * quantity * entry), (closed, sign * quantity * leave)):
            cash_flows[ts] = cash_flows.get(ts, 0.0) + flow - quantity * abs(flow / quantity) * FEE
        held[begin:end] += sign * quantity
        books.positions.append(
            {
                "ts_opened_ns": opened,
                "ts_closed_ns": closed,
                "instrument": name,
                "strategy": "fused-001",
                "side": "LONG" if sign > 0 else "SHORT",
                "quantity_peak": quantity,
                "entry_price": entry,
                "exit_price": leave,
                "realized_pnl": sign * quantity * (leave - entry) - fees,
                "fees": fees,
                "funding": paid,
                "exit_role": role,
            }
        )
        if ruin:
            return


def _fill(
    books: Books, name: str, number: int, role: str, sign: float, quantity: float, reference: float, ts_ns: int
) -> float:
    """Record one market order and its fill; return the price."""
    price = float(reference * (1.0 + sign * SLIPPAGE_BPS * 1e-4))
    order_id = f"O-{name[:3]}-{number:04d}-{role}"
    confidence = 0.5 + 0.4 * ((number * 37) % 100) / 100
    signal = json.dumps({"confidence": round(confidence, 3), "direction": sign * 0.6, "source": "fusion"})
    shared = {"ts_ns": ts_ns, "instrument": name, "strategy": "fused-001", "client_order_id": order_id, "role": role}
    shared |= {"side": "BUY" if sign > 0 else "SELL", "quantity": quantity, "price": price}
    order = {"type": "MARKET", "trigger_price": None, "reduce_only": role != "ENTRY", "status": "FILLED", "reason": ""}
    order |= {"filled_quantity": quantity, "average_price": price, "ts_last_ns": ts_ns}
    books.orders.append(shared | order | {"tags": f"{role},signal:{signal}" if role == "ENTRY" else role})
    fill = {"trade_id": f"T-{order_id}", "reference_price": float(reference), "liquidity": "TAKER"}
    fill |= {"fee": quantity * price * FEE, "slippage": (price - reference) * sign * quantity}
    books.fills.append(shared | fill)
    return price


def _mark(books: Books, markets: dict[str, Market], held: dict[str, np.ndarray], cash_flows: dict[int, float]) -> None:
    """Mark the account at every bar close."""
    times = np.unique(np.concatenate([market.bars.ts_ns for market in markets.values()]))
    flows = sorted(cash_flows.items())
    position, cash = 0, 100_000.0
    for ts in times:
        while position < len(flows) and flows[position][0] <= ts:
            cash += flows[position][1]
            position += 1
        net = gross = 0.0
        count = 0
        for name, market in markets.items():
            row = int(np.searchsorted(market.bars.ts_ns, ts))
            if row < len(market.bars) and market.bars.ts_ns[row] == ts and held[name][row]:
                value = held[name][row] * market.bars.close[row]
                net, gross, count = net + value, gross + abs(value), count + 1
        equity = cash + net
        distance = equity / gross * 0.6 if gross else None
        row_out = {"ts_ns": int(ts), "equity": equity, "cash": cash, "exposure_gross": gross, "exposure_net": net}
        books.equity.append(row_out | {"liquidation_distance": distance, "open_positions": count})


def _decide(books: Books, random: np.random.Generator, refused: int) -> None:
    """Log an approval for every order and some refusals."""
    codes = ("POSITION_LIMIT_EXCEEDED", "DAILY_LOSS_EXCEEDED", "PRICE_OUTSIDE_COLLAR", "LEVERAGE_EXCEEDED")
    lines = [(row["ts_ns"], row["instrument"], "APPROVED", None) for row in books.orders]
    for _ in range(refused):
        ts = START + HOUR * int(random.integers(1, 24))
        lines.append((ts, BTC, "REFUSED", str(random.choice(codes, p=[0.5, 0.3, 0.1, 0.1]))))
    for seq, (ts, name, verdict, code) in enumerate(sorted(lines, key=lambda line: line[0])):
        line = {"seq": seq, "ts": ts, "instrument": name, "strategy": "fused-001", "verdict": verdict, "code": code}
        books.decisions.append(line | {"action": "SUBMIT", "order": {}, "signal": None, "measured": 1.0, "limit": 2.0})
