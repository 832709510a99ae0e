"""Tell the story of one order: from the market and the signal through the gate and approvals to its fills."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec

from errors import PreconditionError
from research.trail.folder import TrailFolder


class Stage(IntEnum):
    """Where in an order's life a step belongs; of steps at one instant the earlier stage is told first."""

    MARKET = 0
    SIGNAL = 1
    GATE = 2
    APPROVAL = 3
    CONTROL = 4
    FILL = 5
    END = 6


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: when (ns since the epoch), which stage, in words, and the figures it rests on."""

    ts_ns: int
    stage: str
    text: str
    data: dict[str, Any]


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one order, oldest first, and the orders it belongs with."""

    order: str
    run: str
    parent: str | None
    children: tuple[str, ...]
    steps: tuple[Step, ...]


def explain(folder: TrailFolder, order: str) -> Story:
    """
    Tell the story of an order.

    Parameters
    ----------
    folder : TrailFolder
        The run or session.
    order : str
        The client order id.

    Raises
    ------
    PreconditionError
        If the logs know no such order.

    """
    own, children = [], []
    for line in folder.decisions():
        if line["order"]["id"] == order:
            own.append(line)
        elif line["order"]["parent"] == order:
            children.append(line["order"]["id"])
    told: list[tuple[int, Stage, str, dict[str, Any]]] = []
    for line in own:
        told += _of_decision(line)
    for record in folder.audit():
        if order not in (record.data.get("client_order_id"), record.data.get("key")):
            continue
        if record.kind not in ("DECISION", "FILL"):  # told from the decision log and the fills
            stage = Stage.APPROVAL if record.kind.startswith("APPROVAL") else Stage.CONTROL
            told.append((record.ts, stage, record.kind.lower().replace("_", " "), record.data))
    fills = [fill for fill in folder.fills() if fill.client_order_id == order]
    for fill in fills:
        text = f"{fill.side} {fill.quantity:.10g} filled at {fill.price:.10g} as {fill.liquidity}, fee {fill.fee:.10g}"
        told.append((fill.ts_ns, Stage.FILL, text, msgspec.structs.asdict(fill)))
    told += _end(folder, order)
    if not told:
        raise PreconditionError(f"{folder.name} knows no order {order!r}")
    told.sort(key=lambda step: step[:2])
    steps = [Step(ts_ns=ts, stage=stage.name, text=text, data=data) for ts, stage, text, data in told]
    return Story(
        order=order,
        run=folder.name,
        parent=own[0]["order"]["parent"] if own else None,
        children=tuple(dict.fromkeys(children)),
        steps=tuple(steps),
    )


def _of_decision(line: dict[str, Any]) -> list[tuple[int, Stage, str, dict[str, Any]]]:
    ts, order = line["ts"], line["order"]
    market = {name: line[name] for name in ("mark", "position", "equity", "drawdown", "daily_loss", "mode")}
    told = [(ts, Stage.MARKET, f"{line['instrument']} at {_number(line['mark'])}, mode {line['mode']}", market)]
    signal = line["signal"]
    if isinstance(signal, dict):
        figures = ", ".join(f"{name} {_number(value)}" for name, value in signal.items() if isinstance(value, float))
        told.append((ts, Stage.SIGNAL, f"{line['strategy']}: {figures}", signal))
    by = f" by {line['operator']} ({line['reason']})" if line["operator"] else ""
    asked = f"{line['action'].lower()} {order['side']} {order['quantity']:.10g} {order['type']}{by}"
    figures = "" if line["measured"] is None else f": measured {line['measured']:.6g}, limit {_number(line['limit'])}"
    detail = f" ({line['detail']})" if line["detail"] else ""
    gate = {name: line[name] for name in ("seq", "verdict", "code", "measured", "limit", "detail")}
    told.append((ts, Stage.GATE, f"{asked} -> {line['verdict']} {line['code']}{figures}{detail}", gate | order))
    return told


def _end(folder: TrailFolder, order: str) -> list[tuple[int, Stage, str, dict[str, Any]]]:
    for row in folder.rows("orders.parquet"):
        if row["client_order_id"] == order:
            reason = f": {row['reason']}" if row["reason"] else ""
            text = (
                f"{row['role'].lower()} {row['status']}, filled {row['filled_quantity']:.10g} of {row['quantity']:.10g}"
            )
            return [(row["ts_last_ns"], Stage.END, text + reason, row)]
    return []


def _number(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float | int) else str(value)
