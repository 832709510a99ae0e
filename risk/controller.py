"""Install the gate from configuration, the same way in a backtest, a paper node and a live node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec
from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.common.component import Clock, MessageBus
from nautilus_trader.common.config import ActorConfig
from nautilus_trader.portfolio.base import PortfolioFacade
from nautilus_trader.trading.config import ImportableControllerConfig
from nautilus_trader.trading.controller import Controller
from nautilus_trader.trading.trader import Trader

from catalog.instruments import InstrumentSpec, Kind
from risk.audit import AuditLog, HeadFile, read_heads, resume
from risk.book import InstrumentFacts
from risk.decisions import DecisionLog
from risk.gate import Gate
from risk.limits import LimitsConfig
from risk.modes.approvals import ApprovalQueue
from risk.modes.operators import Operator, OperatorConfig
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.watch import Watch

if TYPE_CHECKING:
    from risk.control.room import ControlRoom


class GateControllerConfig(ActorConfig, frozen=True, kw_only=True):
    """
    What the gate needs to know.

    Parameters
    ----------
    mode : Mode
        The control mode at the start.
    limits : LimitsConfig
        Pre-trade limits.
    specs : tuple of InstrumentSpec
        Facts of every instrument that may be traded; an order for any other is refused.
    leverage : float
        Leverage set at the venue for margin and perpetual instruments.
    operator : OperatorConfig or None
        The simulated operator of a replay; None where people answer.
    starting_cash : float
        Wallet balance until the first account event, in the instruments' quote currency.
    decisions_path, audit_path : str or None
        Files that receive the decision log and the audit chain.
    heads_path : str or None
        File that receives the audit chain's published heads. With it the chain goes on where an earlier process left
        it; without, it begins anew.

    """

    mode: Mode = Mode.MANUAL
    limits: LimitsConfig = LimitsConfig()
    specs: tuple[InstrumentSpec, ...]
    leverage: float = 1.0
    operator: OperatorConfig | None = None
    starting_cash: float = 0.0
    decisions_path: str | None = None
    audit_path: str | None = None
    heads_path: str | None = None


class GateController(Controller):
    """Build the gate when the engine's endpoints exist and no strategy has been added yet."""

    def __init__(self, trader: Trader, config: GateControllerConfig) -> None:
        super().__init__(trader=trader, config=config)
        self.gate: Gate
        self.room: ControlRoom | None = None
        self._files: list[BinaryIO] = []
        self._heads: HeadFile | None = None

    def register_base(self, portfolio: PortfolioFacade, msgbus: MessageBus, cache: CacheFacade, clock: Clock) -> None:
        """Install the gate; the engine calls this once."""
        super().register_base(portfolio, msgbus, cache, clock)
        config: GateControllerConfig = self.config
        rules = Ruleset(config.limits)
        view = rules.new_view(config.mode, config.starting_cash)
        for spec in config.specs:
            view.set_facts(facts_of(spec, config.leverage))
        audit = self._open_audit(config)
        self.gate = Gate(
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            execute=self._trader._exec_engine.execute,  # noqa: SLF001 (a controller has no public way to it)
            rules=rules,
            view=view,
            decisions=DecisionLog(self._open(config.decisions_path)),
            audit=audit,
            queue=ApprovalQueue(),
            watch=Watch(view, cache, audit, currency_of(config.specs)),
            operator=Operator(config.operator) if config.operator is not None else None,
        )
        self.gate.install()

    def on_start(self) -> None:
        """Begin with the trader: put the mode of the start into effect, before any strategy starts."""
        if self.room is not None:
            self.room.begin()

    def close(self) -> None:
        """Publish the audit log's end and close the files; the host calls this when the run is over."""
        self.gate.audit.publish_now()
        for file in self._files:
            file.close()
        if self._heads is not None:
            self._heads.close()

    def _open_audit(self, config: GateControllerConfig) -> AuditLog:
        if config.audit_path is None or config.heads_path is None:
            return AuditLog(self._open(config.audit_path))
        path, heads_path = Path(config.audit_path), Path(config.heads_path)
        after, torn = resume(path, read_heads(heads_path))
        self._heads = HeadFile(heads_path)
        audit = AuditLog(self._open(config.audit_path, "ab"), publish=self._heads, after=after)
        if torn:
            audit.append(after.ts, "TORN_RECORD", {"bytes": torn})
        return audit

    def _open(self, path: str | None, how: str = "wb") -> BinaryIO | None:
        if path is None:
            return None
        at_once = self.config.heads_path is not None  # a node's lines outlive its process
        file = cast("BinaryIO", Path(path).open(how, buffering=0 if at_once else -1))  # noqa: SIM115 (see `close`)
        self._files.append(file)
        return file


def importable(config: GateControllerConfig) -> ImportableControllerConfig:
    """Return the engine's form of this configuration: two paths and plain JSON values."""
    return ImportableControllerConfig(
        controller_path="risk.controller:GateController",
        config_path="risk.controller:GateControllerConfig",
        config=msgspec.json.decode(config.json()),
    )


def facts_of(spec: InstrumentSpec, leverage: float) -> InstrumentFacts:
    """Return what the checks need of an instrument."""
    spot = spec.kind is Kind.SPOT
    return InstrumentFacts(
        instrument=spec.instrument_id,
        spot=spot,
        size_increment=float(spec.size_increment),
        notional_min=float(spec.notional_min),
        taker_fee=float(spec.taker_fee),
        leverage=1.0 if spot else leverage,
        brackets=spec.brackets,
    )


def currency_of(specs: tuple[InstrumentSpec, ...]) -> str:
    """Return the one currency in which the account is kept; instruments of several can't be summed."""
    currencies = sorted({spec.settlement for spec in specs})
    if len(currencies) != 1:
        raise ValueError(f"instruments must settle in one currency, were {currencies}")
    return currencies[0]


def gate_of(trader: Any) -> GateController:
    """Return the gate's controller of a trader; a trader without one may not run."""
    for actor in trader.actors():
        if isinstance(actor, GateController):
            return actor
    raise LookupError("this trader has no gate")
