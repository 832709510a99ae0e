"""Kelly, value at risk and correlation: at their limits, and one step past."""

from __future__ import annotations

import math

import msgspec
import pytest

from risk.checks.correlation import Correlation
from risk.checks.kelly import Kelly
from risk.checks.value_at_risk import ValueAtRisk
from risk.growth import Growth, growth_of
from risk.intent import Intent, Origin
from risk.limits import CorrelationLimitConfig, KellyLimitConfig, LimitsConfig, ValueAtRiskLimitConfig
from risk.modes.table import Mode
from risk.ruleset import Check, Ruleset
from risk.verdict import Approved, Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, CASH, ETH, LOT, NOW, SECOND, buy, by_hand, facts, filled, sell, sent

HOUR = 3_600 * SECOND
LOOSE = LimitsConfig()


def limits(**changes: object) -> LimitsConfig:
    """Return limits of which only the three tested here are on."""
    off = {
        name: msgspec.structs.replace(getattr(LOOSE, name), enabled=False)
        for name in LimitsConfig.__struct_fields__
        if name not in {"kelly", "value_at_risk", "correlation"}
    }
    return LimitsConfig(**(off | changes))  # type: ignore[arg-type]


def account(config: LimitsConfig, mode: Mode = Mode.FULL_AUTO) -> View:
    view = Ruleset(config).new_view(mode, CASH, NOW)
    for name in (BTC, ETH):
        view.set_facts(facts(name))
        view.apply_mark(name, 100.0, NOW)
    return view


def moved(view: View, together: bool, hours: int = 80) -> None:
    """Let prices swing by 1 % and back for so many hours, ETH with BTC or on its own beat."""
    for hour in range(1, hours + 1):
        view.apply_mark(BTC, 100.0 + hour % 2, NOW + hour * HOUR)
        view.apply_mark(ETH, 100.0 + (hour if together else hour // 2) % 2, NOW + hour * HOUR)
    view.apply_mark(BTC, 100.0, NOW + (hours + 1) * HOUR)
    view.apply_mark(ETH, 100.0, NOW + (hours + 1) * HOUR)


def ask(check: Check, intent: Intent, view: View) -> Refusal | None:
    growth = growth_of(intent, view)
    assert isinstance(growth, Growth)
    return check(intent, view, growth)


# -- Kelly ------------------------------------------------------------------------------------------------------------


def test_a_quarter_of_kelly_passes_and_a_hair_more_does_not() -> None:
    check, view = Kelly(KellyLimitConfig()), account(limits())

    assert ask(check, buy(1.0), view) is None
    assert ask(check, buy(1.0, kelly_fraction=0.25), view) is None
    refusal = ask(check, buy(1.0, kelly_fraction=math.nextafter(0.25, 1.0)), view)
    assert refusal is not None
    assert refusal.reason is Reason.KELLY_FRACTION_EXCEEDED
    assert refusal.limit == 0.25
    assert ask(check, buy(1.0, kelly_fraction=math.nan), view) is not None
    assert ask(Kelly(KellyLimitConfig(max=0.1)), buy(1.0, kelly_fraction=0.2), view) is not None


@pytest.mark.parametrize(("mode", "allowed"), [(Mode.FULL_AUTO, True), (Mode.SEMI_AUTO, False), (Mode.MANUAL, False)])
@pytest.mark.parametrize("switched_on", [True, False])
def test_only_the_mode_with_kelly_sizing_takes_a_claim(mode: Mode, allowed: bool, switched_on: bool) -> None:
    config = limits(kelly=KellyLimitConfig(enabled=switched_on))
    claim, plain = by_hand(buy(1.0, kelly_fraction=0.1)), by_hand(buy(1.0))
    assert claim.origin is Origin.OPERATOR

    verdict = Ruleset(config).decide(claim, account(config, mode))

    assert isinstance(Ruleset(config).decide(plain, account(config, mode)), Approved)
    assert isinstance(verdict, Approved) is allowed
    if isinstance(verdict, Refusal):
        assert verdict.reason is Reason.MODE_FORBIDS
        assert "Kelly" in verdict.detail


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.1])
def test_a_claim_that_is_no_share_is_refused_whatever_is_switched_off(bad: float) -> None:
    config = limits(kelly=KellyLimitConfig(enabled=False))

    verdict = Ruleset(config).decide(buy(1.0, kelly_fraction=bad), account(config))

    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.NOT_A_NUMBER


def test_no_claim_keeps_anybody_from_closing() -> None:
    config = limits()
    view = account(config, Mode.EMERGENCY)
    view.apply_position(BTC, 1.0, 100.0)

    assert isinstance(Ruleset(config).decide(sell(1.0, kelly_fraction=math.nan), view), Approved)


# -- value at risk ----------------------------------------------------------------------------------------------------

VAR = ValueAtRisk(ValueAtRiskLimitConfig())


@pytest.mark.parametrize(("mode", "share"), [(Mode.FULL_AUTO, 0.05), (Mode.SEMI_AUTO, 0.0375), (Mode.MANUAL, 0.025)])
def test_unknown_instruments_may_be_traded_as_far_as_the_assumed_move_allows(mode: Mode, share: float) -> None:
    view = account(limits(), mode)
    most = share * CASH / 10.0  # each unit is 100, and is taken to lose 10

    assert ask(VAR, buy(most - LOT), view) is None
    refusal = ask(VAR, buy(most + LOT), view)
    assert refusal is not None
    assert refusal.reason is Reason.VAR_LIMIT_EXCEEDED
    assert refusal.measured == pytest.approx(share, rel=1e-3)
    assert refusal.limit == pytest.approx(share)
    assert ask(VAR, sell(most + LOT), view) is not None


def test_positions_and_working_orders_count() -> None:
    view = account(limits())
    filled(view, sent(view, buy(20.0)), 100.0)
    sent(view, buy(20.0, instrument=ETH, price=100.0, order_type="LIMIT"))

    assert ask(VAR, buy(9.9), view) is None
    assert ask(VAR, buy(10.1), view) is not None
    assert ask(VAR, sell(20.0 + 29.9), view) is None  # turns the long into a short of 29.9, beside ETH's 20
    assert ask(VAR, sell(20.0 + 30.1), view) is not None


def test_a_changed_order_is_not_counted_twice() -> None:
    from risk.intent import Action

    view = account(limits())
    resting = sent(view, buy(30.0, price=100.0, order_type="LIMIT"))
    change = {"client_order_id": resting.client_order_id, "action": Action.MODIFY, "price": 100.0}

    assert ask(VAR, buy(49.9, **change), view) is None
    assert ask(VAR, buy(50.1, **change), view) is not None


def test_known_returns_take_the_assumptions_place() -> None:
    view = account(limits())
    moved(view, together=True)
    known = view.portfolio
    assert known is not None

    assert 0.03 < known.with_order(BTC, 1.0).var < 0.07  # about 1 % an hour, times the root of 24
    assert ask(VAR, buy(60.0), view) is None
    assert ask(VAR, buy(200.0), view) is not None


def test_an_order_that_takes_risk_away_passes_beyond_the_limit() -> None:
    view = account(limits())
    moved(view, together=True)
    view.apply_position(BTC, 300.0, 100.0)

    hedge = sell(100.0, instrument=ETH)
    assert view.portfolio is not None
    assert view.equity == CASH
    assert view.portfolio.present().var > 0.05 * CASH
    assert ask(VAR, hedge, view) is None
    assert ask(VAR, buy(1.0, instrument=ETH), view) is not None


def test_the_shortfall_is_bound_where_that_is_configured() -> None:
    config = ValueAtRiskLimitConfig(max=1.0, cvar_max=0.05)
    view = account(limits(value_at_risk=config))

    refusal = ask(ValueAtRisk(config), buy(45.0), view)  # 4.5 % assumed, and a tail of 5.16 % behind it
    assert refusal is not None
    assert refusal.reason is Reason.CVAR_LIMIT_EXCEEDED
    assert refusal.measured == pytest.approx(0.0516, abs=1e-4)
    assert ask(ValueAtRisk(config), buy(43.0), view) is None


def test_without_measures_or_equity_nothing_opens() -> None:
    view = account(limits())
    view.apply_cash(-1.0)
    refusal = ask(VAR, buy(1.0), view)
    assert refusal is not None
    assert refusal.measured == math.inf

    blind = account(limits())
    blind.portfolio = None
    for check in (VAR, Correlation(CorrelationLimitConfig())):
        refusal = ask(check, buy(1.0), blind)
        assert refusal is not None
        assert refusal.reason is Reason.NOT_A_NUMBER


# -- correlation ------------------------------------------------------------------------------------------------------

CLUSTER = Correlation(CorrelationLimitConfig(max=1.0))


@pytest.mark.parametrize(("mode", "share"), [(Mode.FULL_AUTO, 1.0), (Mode.SEMI_AUTO, 0.75), (Mode.MANUAL, 0.5)])
def test_instruments_that_move_as_one_share_the_limit(mode: Mode, share: float) -> None:
    view = account(limits(), mode)
    moved(view, together=True)
    view.apply_position(ETH, 30.0, 100.0)
    most = share * CASH / 100.0 - 30.0

    assert ask(CLUSTER, buy(most), view) is None
    refusal = ask(CLUSTER, buy(most + LOT), view)
    assert refusal is not None
    assert refusal.reason is Reason.CORRELATION_LIMIT_EXCEEDED
    assert refusal.limit == pytest.approx(share * CASH)
    assert ask(CLUSTER, sell(most + 30.0), view) is None  # the other side has nothing


def test_instruments_on_their_own_beat_do_not() -> None:
    view = account(limits())
    moved(view, together=False)
    view.apply_position(ETH, 30.0, 100.0)

    assert ask(CLUSTER, buy(100.0), view) is None
    assert ask(CLUSTER, buy(100.0 + LOT), view) is not None  # a cluster of one is bound too


def test_what_is_not_known_yet_counts_as_one() -> None:
    view = account(limits())
    view.apply_position(ETH, -30.0, 100.0)

    assert ask(CLUSTER, buy(70.0), view) is None
    assert ask(CLUSTER, buy(70.0 + LOT), view) is not None


def test_the_default_leaves_room_for_two_large_coins() -> None:
    config = CorrelationLimitConfig()
    view = account(limits())
    moved(view, together=True)
    view.apply_position(ETH, 100.0, 100.0)

    assert ask(Correlation(config), buy(100.0), view) is None
    assert ask(Correlation(config), buy(100.0 + LOT), view) is not None


# -- together ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["value_at_risk", "correlation"])
def test_each_can_be_switched_off(name: str) -> None:
    whole = limits()
    without = limits(**{name: msgspec.structs.replace(getattr(whole, name), enabled=False)})
    other = {"value_at_risk": "correlation", "correlation": "value_at_risk"}[name]
    neither = msgspec.structs.replace(without, **{other: msgspec.structs.replace(getattr(whole, other), enabled=False)})
    order = buy(250.0)

    assert isinstance(Ruleset(whole).decide(order, account(whole)), Refusal)
    assert isinstance(Ruleset(without).decide(order, account(without)), Refusal)
    assert isinstance(Ruleset(neither).decide(order, account(neither)), Approved)
    assert account(neither).portfolio is None


@pytest.mark.parametrize("changes", [{"observations_min": 501}, {"sample_h": 24, "horizon_h": 12}])
def test_windows_that_could_never_hold_enough_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="need"):
        ValueAtRiskLimitConfig(**changes)  # type: ignore[arg-type]
