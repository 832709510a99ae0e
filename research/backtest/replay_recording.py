"""Play a recorded session through the backtest engine, at the recorded times, and say whether it decides the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.core.datetime import unix_nanos_to_dt
from nautilus_trader.model.data import CustomData
from nautilus_trader.model.identifiers import ClientId
from nautilus_trader.portfolio.config import PortfolioConfig
from nautilus_trader.risk.config import RiskEngineConfig

from errors import PreconditionError
from research.backtest.host import ENGINE_RATE
from research.recording.recording import End, Recording
from research.session import TRADER_ID, SessionConfig, attach, gate_config
from research.venue.venue import add_venue
from settings import decode


class Replayed(msgspec.Struct, frozen=True):
    """What a replay decided, beside what the session had noted at its own end (None where it did not end well)."""

    inputs: int
    decisions: int
    decision_hash: str
    fills: int
    fill_hash: str
    counts: dict[str, int]
    recorded: End | None

    @property
    def same(self) -> bool | None:
        """Whether the session decided the same; None where it left no hash behind."""
        return None if self.recorded is None else self.recorded.decision_hash == self.decision_hash


def replay(
    recording: Recording,
    folder: Path | None = None,
    *,
    change: Callable[[list[Any]], list[Any]] = lambda inputs: inputs,
) -> Replayed:
    """
    Replay a recorded session.

    Configuration, instruments and the account at the start come from the recording, and nothing else is read. The
    operators' commands are in it, as inputs in their places.

    Parameters
    ----------
    recording : Recording
        The session.
    folder : Path, optional
        Receives ``decisions.jsonl``, ``audit.jsonl`` and ``fills.jsonl``; it must be there.
    change : callable
        Applied to the inputs first: to ask what would have been decided on others.

    Raises
    ------
    PreconditionError
        If the recording holds no input at all.

    """
    header = recording.header
    config = decode(header.session, SessionConfig, where=str(recording.path), prefix="session")
    inputs = change(recording.inputs())
    if not inputs:
        raise PreconditionError(f"{recording.path}: nothing was recorded after the session's start")
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TRADER_ID,
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(max_order_submit_rate=ENGINE_RATE, max_order_modify_rate=ENGINE_RATE),
            portfolio=PortfolioConfig(bar_updates=False),
            controller=gate_config(config, header.specs, header.account, header.opening, folder),
            run_analysis=False,
        )
    )
    try:
        venue = header.specs[0].venue
        handles = add_venue(
            engine, venue, header.specs, config.venue, marked=header.marked, balances=header.account.balances
        )
        attached = attach(engine, handles, config, header.account, header.opening, header.start_ns, folder)
        for batch in _batches(inputs):
            engine.add_data(batch, client_id=ClientId("SEQUENCE"), sort=False)
        engine.sort_data()
        engine.run(start=unix_nanos_to_dt(header.start_ns))
        gate = attached.controller.gate
        attached.controller.close()
        attached.fills.close()
        return Replayed(
            inputs=len(inputs),
            decisions=len(gate.decisions),
            decision_hash=gate.decisions.decision_hash,
            fills=attached.fills.count,
            fill_hash=attached.fills.fill_hash,
            counts=dict(gate.decisions.counts),
            recorded=recording.end,
        )
    finally:
        engine.dispose()


def _batches(inputs: Iterable[Any]) -> list[list[Any]]:
    """Part the inputs by kind: the engine looks only at the first of each list it is given."""
    batches: dict[tuple[str, str], list[Any]] = {}
    for data in inputs:
        inner = data.data if type(data) is CustomData else data
        instrument = getattr(inner, "instrument_id", None) or getattr(inner, "bar_type", "")
        batches.setdefault((type(inner).__name__, str(instrument)), []).append(data)
    return list(batches.values())
