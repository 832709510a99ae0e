"""Small run folders written by the real logs, for the tests of the trail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from risk.audit import AuditLog, HeadFile
from risk.decisions import DecisionLog
from risk.intent import Intent, Side
from risk.modes.table import Mode
from risk.trail import Trail
from risk.verdict import Approved, Basis, Reason, Refusal, Verdict
from risk.view import View

INSTRUMENT = "BTCUSDT-PERP.BINANCE"
SECOND_NS = 1_000_000_000


class World:
    """A run of three orders, each at its own second, whose parts a test may change before it is written."""

    def __init__(self) -> None:
        self.intents = [
            Intent(
                ts_ns=(number + 1) * SECOND_NS,
                strategy="Fused-000",
                instrument=INSTRUMENT,
                client_order_id=f"O-{number}",
                side=Side.BUY,
                order_type="MARKET",
                quantity=1.0 + number,
                signal='{"confidence":0.75}',
            )
            for number in range(3)
        ]
        self.verdicts: list[Verdict] = [
            Approved(Basis.LIMITS),
            Refusal(Reason.LEVERAGE_EXCEEDED, measured=3.5, limit=3.0),
            Approved(Basis.LIMITS),
        ]
        self.marks = [100.0, 101.0, 102.0]
        self.cash = 1_000.0
        self.fills: list[dict[str, Any]] = [fill("O-0", 1, 100.0), fill("O-2", 3, 102.0)]
        self.funding: list[tuple[int, float]] = [(2 * SECOND_NS, -0.5)]

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        heads = HeadFile(folder / "audit.heads.jsonl")
        with (folder / "audit.jsonl").open("wb") as audit_file, (folder / "decisions.jsonl").open("wb") as file:
            audit, decisions = AuditLog(audit_file, publish=heads, publish_every=2), DecisionLog(file)
            view = View(mode=Mode.FULL_AUTO, cash=self.cash)
            trail = Trail(audit, decisions, view)
            for intent, verdict, mark in zip(self.intents, self.verdicts, self.marks, strict=True):
                view.apply_mark(INSTRUMENT, mark, intent.ts_ns)
                decisions.append(intent, verdict, view)
                trail.on_verdict(intent, verdict)
            for ts_ns, amount in self.funding:
                audit.append(ts_ns, "FUNDING", {"instrument": INSTRUMENT, "amount": amount})
            audit.append(4 * SECOND_NS, "APPROVAL", {"key": "O-0", "outcome": "APPROVED", "waited_s": 2.0})
            audit.publish_now()
        heads.close()
        pq.write_table(pa.Table.from_pylist(self.fills), folder / "fills.parquet")
        return folder

    def change(self, number: int, **fields: Any) -> None:
        self.intents[number] = msgspec.structs.replace(self.intents[number], **fields)


def fill(order: str, second: int, price: float) -> dict[str, Any]:
    return {
        "ts_ns": second * SECOND_NS + 50_000_000,
        "client_order_id": order,
        "trade_id": f"T-{order}",
        "instrument": INSTRUMENT,
        "side": "BUY",
        "quantity": 1.0,
        "price": price,
        "fee": 0.04,
        "liquidity": "TAKER",
    }
