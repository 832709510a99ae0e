"""Decide an intent: what reduces passes first, then every rule must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from risk.checks.barrier import barred
from risk.checks.concurrent_positions import ConcurrentPositions
from risk.checks.correlation import Correlation
from risk.checks.daily_loss import DailyLoss
from risk.checks.drawdown import Drawdown
from risk.checks.duplicate import Duplicate
from risk.checks.hedge import hedge_allowed
from risk.checks.kelly import Kelly
from risk.checks.leverage import Leverage
from risk.checks.margin import Margin
from risk.checks.mode_powers import mode_forbids
from risk.checks.numbers import malformed, unexplained
from risk.checks.order_rate import OrderRate
from risk.checks.position_limit import PositionLimit
from risk.checks.price_collar import PriceCollar
from risk.checks.value_at_risk import ValueAtRisk
from risk.growth import WITH_PARENT, Growth, growth_of, reduction_of
from risk.intent import Intent
from risk.limits import LimitsConfig
from risk.modes.table import Mode, Permission
from risk.verdict import Approved, Basis, Refusal
from risk.view import View

type Check = Callable[[Intent, View, Growth], Refusal | None]

WITHIN_LIMITS = Approved(Basis.LIMITS)


class Ruleset:
    """
    Hold an intent against the mode and the limits.

    Parameters
    ----------
    limits : LimitsConfig
        The limits; those switched off are left out.

    Notes
    -----
    Deciding reads the view and changes nothing, and depends on nothing else: equal inputs give equal verdicts.

    """

    def __init__(self, limits: LimitsConfig) -> None:
        self.limits = limits
        rules: tuple[tuple[bool, Check], ...] = (
            (limits.daily_loss.enabled, DailyLoss(limits.daily_loss)),
            (limits.drawdown.enabled, Drawdown(limits.drawdown)),
            (limits.concurrent.enabled, ConcurrentPositions(limits.concurrent)),
            (limits.collar.enabled, PriceCollar(limits.collar)),
            (limits.duplicate.enabled, Duplicate(limits.duplicate)),
            (limits.rate.enabled, OrderRate(limits.rate)),
            (limits.position.enabled, PositionLimit(limits.position)),
            (limits.leverage.enabled, Leverage(limits.leverage)),
            (limits.margin.enabled, Margin(limits.margin)),
            (limits.kelly.enabled, Kelly(limits.kelly)),
            (limits.correlation.enabled, Correlation(limits.correlation)),
            (limits.value_at_risk.enabled, ValueAtRisk(limits.value_at_risk)),
        )
        self._checks: tuple[Check, ...] = tuple(check for enabled, check in rules if enabled)

    def new_view(self, mode: Mode, cash: float, ts_ns: int = 0) -> View:
        """Return an empty view that keeps what these limits need."""
        limits = self.limits
        view = View(mode=mode, cash=cash, ts_ns=ts_ns, peak_window_days=limits.drawdown.window_days)
        if limits.value_at_risk.enabled or limits.correlation.enabled:
            from risk.measures.portfolio import PortfolioRisk

            view.portfolio = PortfolioRisk(limits.value_at_risk, limits.correlation)
        return view

    def decide(self, intent: Intent, view: View) -> Approved | Refusal:
        """
        Return the verdict on one order command.

        Order of thought: an order that makes no sense is refused; what only reduces passes whatever the limits and
        the mode; then the mode's powers (an Emergency's hedges pass here), what kill switches and breakers bar, then
        each limit, and the first that is broken answers.
        """
        verdict = _settled_without_limits(intent, view)
        if verdict is not None:
            return verdict
        growth = growth_of(intent, view)
        if isinstance(growth, Refusal):
            return growth
        for check in self._checks:
            refusal = check(intent, view, growth)
            if refusal is not None:
                return refusal
        return WITH_PARENT if growth.from_budget else WITHIN_LIMITS

    def decide_list(self, intents: Sequence[Intent], view: View) -> Approved | Refusal:
        """
        Return the verdict on orders that are sent together in one command, parents before their children.

        The command passes or fails as a whole, as no part of it can be sent alone: the first refusal answers for it.
        Each order sees those before it as working, so together they stay within what each alone may use, and a child
        within its parent's quantity passes with the parent. The view is as before when this returns.
        """
        passed: Approved | None = None
        held: list[Intent] = []
        try:
            for intent in intents:
                verdict = self.decide(intent, view)
                if isinstance(verdict, Refusal):
                    return verdict
                if passed is None or _WEIGHT[verdict.basis] > _WEIGHT[passed.basis]:
                    passed = verdict
                if view.working(intent.client_order_id) is None:
                    view.apply_intent(intent)
                    held.append(intent)
        finally:
            for intent in reversed(held):
                view.withdraw_intent(intent)
        if passed is None:
            raise ValueError("a list command holds at least one order")
        return passed

    @staticmethod
    def needs_approval(intent: Intent, view: View) -> bool:
        """Return whether an operator must approve an order of this origin that passed on `Basis.LIMITS`."""
        return view.powers.orders(intent.origin) is Permission.AFTER_APPROVAL


def _settled_without_limits(intent: Intent, view: View) -> Approved | Refusal | None:
    """Decide what no limit is asked about; None for an order that adds risk and may, as far as the mode goes."""
    verdict = malformed(intent) or reduction_of(intent, view) or hedge_allowed(intent, view, view.hedges)
    if verdict is not None:
        return verdict
    refusal = mode_forbids(intent, view) or unexplained(intent)
    return barred(intent, view) if refusal is None and view.barriers else refusal


_WEIGHT = {Basis.REDUCES: 0, Basis.PARENT: 1, Basis.LIMITS: 2}
"""Of the orders of a list, the one that needs most answers for it."""
