"""A guardian over a small account: the fake desk keeps what it is asked until a test fills it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from risk.audit import AuditLog
from risk.desk import OpenOrder, OpenPosition, Purpose, TopOfBook
from risk.guardian import Guardian, GuardianConfig
from risk.intent import Side
from risk.liquidation import LadderConfig
from risk.margin import Bracket
from risk.modes.table import Mode
from risk.stops import StopPlanner
from risk.view import View
from tests.risk.desk_world import Timeline
from tests.risk.world import BTC, ETH, NOW, Step, facts

FLAT = (Step(0.0, 1e12, 0.01, 0.0, 125.0),)
TREND = "Trend-001"


class Margins:
    """What the venue says: one wallet, and the margin of isolated positions by instrument."""

    def __init__(self, cash: float) -> None:
        self.cash = cash
        self.isolated: dict[str, float] = {}

    def wallet(self, venue: str) -> float:
        assert venue == "BINANCE"
        return self.cash

    def isolated_margin(self, instrument: str) -> float | None:
        return self.isolated.get(instrument)


class PaperDesk:
    """Positions by strategy and instrument; orders rest until they are filled or dropped."""

    def __init__(self, view: View, margins: Margins) -> None:
        self.view = view
        self.margins = margins
        self.held: dict[tuple[str, str], tuple[float, float]] = {}
        self.working: dict[str, OpenOrder] = {}
        self.sent: list[tuple[Any, ...]] = []
        self.takes_margin = True

    def hold(self, quantity: float, entry: float = 100.0, instrument: str = BTC, strategy: str = TREND) -> None:
        if quantity == 0.0:
            self.held.pop((instrument, strategy), None)
        else:
            self.held[instrument, strategy] = (quantity, entry)
        parts = [part for (name, _), part in self.held.items() if name == instrument]
        net = sum(part[0] for part in parts)
        self.view.apply_position(instrument, net, sum(q * e for q, e in parts) / net if net else 0.0)

    def positions(self) -> tuple[OpenPosition, ...]:
        return tuple(
            OpenPosition(
                position_id=f"{instrument}-{strategy}",
                instrument=instrument,
                strategy=strategy,
                signed_quantity=quantity,
                entry_price=entry,
                mark=self.view.mark(instrument),
            )
            for (instrument, strategy), (quantity, entry) in sorted(self.held.items())
        )

    def orders(self) -> tuple[OpenOrder, ...]:
        return tuple(self.working.values())

    def book(self, instrument: str, depth_bps: float = 10.0) -> TopOfBook | None:
        raise AssertionError("the guardian does not look at books")

    def hedge(self, instrument: str, side: Side, quantity: float, purpose: Purpose) -> str | None:
        raise AssertionError("the guardian does not hedge")

    def cancel(self, client_order_id: str) -> None:
        raise AssertionError("the guardian does not cancel")

    def reduce(self, position_id: str, quantity: float, purpose: Purpose) -> str | None:
        return self._send(position_id, quantity, None, purpose)

    def protect(self, position_id: str, quantity: float, trigger_price: float, purpose: Purpose) -> str | None:
        return self._send(position_id, quantity, trigger_price, purpose)

    def add_margin(self, position_id: str, amount: float) -> bool:
        self.sent.append(("margin", position_id, amount))
        if self.takes_margin:
            self.margins.isolated[position_id.rpartition(f"-{TREND}")[0]] += amount
        return self.takes_margin

    def _send(self, position_id: str, quantity: float, price: float | None, purpose: Purpose) -> str | None:
        instrument, _, number = position_id.rpartition("-Trend-")
        key = (instrument, f"Trend-{number}")
        self.sent.append((purpose.value, position_id, round(quantity, 9), price))
        if key not in self.held:
            return None
        name = f"G-{len(self.sent)}"
        signed = -quantity if self.held[key][0] > 0.0 else quantity
        self.working[name] = OpenOrder(
            client_order_id=name,
            instrument=instrument,
            strategy=key[1],
            signed_quantity=signed,
            price=price,
            reduce_only=True,
            is_stop=price is not None,
        )
        return name

    def fill(self) -> None:
        """Fill all market orders at the mark."""
        for name, order in list(self.working.items()):
            if order.price is None:
                del self.working[name]
                quantity, entry = self.held[order.instrument, order.strategy]
                mark = self.view.mark(order.instrument)
                self.margins.cash += -order.signed_quantity * (mark - entry)
                if order.instrument in self.margins.isolated:
                    self.margins.isolated[order.instrument] *= 1.0 + order.signed_quantity / quantity
                self.hold(round(quantity + order.signed_quantity, 9), entry, order.instrument, order.strategy)

    def drop(self) -> None:
        """Lose all orders, as if they were rejected."""
        self.working.clear()


class GuardWorld:
    """A view with BTC and ETH at 100, a desk, a guardian, and a clock."""

    def __init__(
        self,
        cash: float = 1_000.0,
        *,
        mode: Mode = Mode.FULL_AUTO,
        brackets: Sequence[Bracket] = FLAT,
        stops: StopPlanner | None = None,
        config: GuardianConfig | None = None,
        **ladder: Any,
    ) -> None:
        self.view = View(mode=mode, cash=cash, ts_ns=NOW)
        for name in (BTC, ETH):
            self.view.set_facts(facts(name, brackets=tuple(brackets)))
            self.view.apply_mark(name, 100.0, NOW)
        self.margins = Margins(cash)
        self.desk = PaperDesk(self.view, self.margins)
        self.time = Timeline(NOW)
        self.audit = AuditLog()
        self.alarmed: list[tuple[int, int, str]] = []
        given: dict[str, Any] = {"slippage_bps": 0.0}
        self.guardian = Guardian(
            view=self.view,
            desk=self.desk,
            alarms=self.time,
            audit=self.audit,
            margins=self.margins,
            stops=stops,
            on_alarm=lambda ts_ns, text: self.alarmed.append((ts_ns, len(self.desk.sent), text)),
            config=config or GuardianConfig(ladder=LadderConfig(**(given | ladder))),
        )

    def mark(self, price: float, instrument: str = BTC, after_ms: float = 200.0) -> list[tuple[Any, ...]]:
        """Let time pass and a mark come; return what the desk was asked by then."""
        before = len(self.desk.sent)
        self.time.run(after_ms / 1e3)
        self.view.apply_mark(instrument, price, self.time.now_ns)
        self.guardian.on_mark(instrument, price, self.time.now_ns)
        return self.desk.sent[before:]

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [record.data for record in self.audit.records if record.kind == kind]
