"""The eight triggers: each exactly at its threshold and one tick past it, each switched off, and what ends them."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.modes.triggers import (
    ACCOUNT_LIMITS,
    BreakerCascadeConfig,
    DrawdownTriggerConfig,
    ExchangeOutageConfig,
    RiskLimitsConfig,
    SwitchConfig,
    SystemFailureConfig,
    Trigger,
    Triggers,
    TriggersConfig,
    TriggersSnapshot,
)
from risk.verdict import Reason
from tests.risk.modes.governed import SECOND, T0

LIMITS = sorted(ACCOUNT_LIMITS, key=lambda reason: reason.value)


def fired(triggers: Triggers, now_ns: int = T0, drawdown: float = 0.0) -> Trigger | None:
    found = triggers.evaluate(now_ns, drawdown)
    return None if found is None else found.trigger


def test_nothing_fires_at_the_start() -> None:
    triggers = Triggers(TriggersConfig())

    assert fired(triggers) is None
    assert fired(triggers, drawdown=math.nan) is None
    assert triggers.standing(T0, 0.0) == ()


@pytest.mark.parametrize(
    ("drawdown", "expected"),
    [
        (0.05, Trigger.DRAWDOWN),
        (math.nextafter(0.05, 0.0), None),
        (math.nextafter(0.05, 1.0), Trigger.DRAWDOWN),
        (0.0, None),
        (-0.1, None),
        (1.0, Trigger.DRAWDOWN),
        (math.inf, Trigger.DRAWDOWN),
    ],
)
def test_drawdown_fires_at_five_hundredths(drawdown: float, expected: Trigger | None) -> None:
    assert fired(Triggers(TriggersConfig()), drawdown=drawdown) is expected


def test_a_fired_trigger_carries_both_figures() -> None:
    found = Triggers(TriggersConfig()).evaluate(T0, 0.07)

    assert found is not None
    assert (found.measured, found.limit) == (0.07, 0.05)


@pytest.mark.parametrize(
    ("note", "trigger"),
    [
        (lambda t: t.note_manual("ada", "get out"), Trigger.MANUAL),
        (lambda t: t.note_system_failure("postgres", "connection refused"), Trigger.SYSTEM_FAILURE),
        (lambda t: t.note_compliance_violation("wash trade"), Trigger.COMPLIANCE_VIOLATION),
        (lambda t: t.note_security_breach("audit chain broken"), Trigger.SECURITY_BREACH),
    ],
)
def test_what_happened_fires_until_a_person_clears_it(note: Callable[[Triggers], None], trigger: Trigger) -> None:
    triggers = Triggers(TriggersConfig())
    note(triggers)

    assert fired(triggers) is trigger
    assert fired(triggers, T0 + 86_400 * SECOND) is trigger
    triggers.clear(0.0)
    assert fired(triggers) is None


def test_the_first_report_of_a_kind_is_the_one_that_is_told() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_system_failure("postgres", "connection refused")
    triggers.note_system_failure("redis", "gone")

    found = triggers.evaluate(T0, 0.0)

    assert found is not None
    assert found.reason == "postgres: connection refused"


def test_an_outage_fires_when_it_has_lasted() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_venue("BINANCE", T0, reachable=False)
    triggers.note_venue("BINANCE", T0 + 60 * SECOND, reachable=False)  # a second note does not restart it

    assert fired(triggers, T0 + 120 * SECOND - 1) is None
    assert fired(triggers, T0 + 120 * SECOND) is Trigger.EXCHANGE_OUTAGE
    triggers.note_venue("BINANCE", T0 + 121 * SECOND, reachable=True)
    assert fired(triggers, T0 + 121 * SECOND) is None


def test_a_venue_that_came_back_starts_over() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_venue("BINANCE", T0, reachable=False)
    triggers.note_venue("BINANCE", T0 + SECOND, reachable=True)
    triggers.note_venue("BINANCE", T0 + 2 * SECOND, reachable=False)

    assert fired(triggers, T0 + 121 * SECOND) is None
    assert fired(triggers, T0 + 122 * SECOND) is Trigger.EXCHANGE_OUTAGE


def test_the_oldest_outage_counts() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_venue("BYBIT", T0 + 50 * SECOND, reachable=False)
    triggers.note_venue("BINANCE", T0, reachable=False)

    found = triggers.evaluate(T0 + 120 * SECOND, 0.0)

    assert found is not None
    assert "BINANCE" in found.reason


@pytest.mark.parametrize(
    ("age_ns", "expected"), [(60 * SECOND, Trigger.RISK_LIMITS), (60 * SECOND + 1, None), (0, Trigger.RISK_LIMITS)]
)
def test_three_limits_within_the_window_fire(age_ns: int, expected: Trigger | None) -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_breach(LIMITS[0], T0)
    triggers.note_breach(LIMITS[1], T0 + age_ns // 2)
    assert fired(triggers, T0 + age_ns) is None
    triggers.note_breach(LIMITS[2], T0 + age_ns)

    assert fired(triggers, T0 + age_ns) is expected


def test_one_limit_breached_again_and_again_is_one_limit() -> None:
    triggers = Triggers(TriggersConfig())
    for index in range(5_000):
        triggers.note_breach(LIMITS[0], T0 + index)
    triggers.note_breach(LIMITS[1], T0)

    assert fired(triggers, T0 + 5_000) is None
    triggers.note_breach(LIMITS[2], T0 + 5_000)
    assert fired(triggers, T0 + 5_000) is Trigger.RISK_LIMITS


@pytest.mark.parametrize("reason", sorted(set(Reason) - ACCOUNT_LIMITS, key=lambda reason: reason.value))
def test_refusals_of_a_single_order_do_not_count(reason: Reason) -> None:
    triggers = Triggers(TriggersConfig())
    for limit in (LIMITS[0], LIMITS[1], reason):
        triggers.note_breach(limit, T0)

    assert fired(triggers) is None


@pytest.mark.parametrize(("age_ns", "expected"), [(300 * SECOND, Trigger.BREAKER_CASCADE), (300 * SECOND + 1, None)])
def test_three_breakers_that_trip_within_the_window_are_a_cascade(age_ns: int, expected: Trigger | None) -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_breaker("strategy/a", T0, is_open=True)
    triggers.note_breaker("strategy/a", T0 + 1, is_open=False)  # closed again: it tripped all the same
    triggers.note_breaker("strategy/b", T0 + age_ns, is_open=True)
    assert fired(triggers, T0 + age_ns) is None
    triggers.note_breaker("strategy/c", T0 + age_ns, is_open=True)

    assert fired(triggers, T0 + age_ns) is expected


def test_many_breakers_open_at_once_are_a_cascade_however_long_ago_they_tripped() -> None:
    triggers = Triggers(TriggersConfig())
    apart = 301 * SECOND
    for index in range(4):
        triggers.note_breaker(f"position/{index}", T0 + index * apart, is_open=True)
    assert fired(triggers, T0 + 4 * apart) is None
    triggers.note_breaker("position/4", T0 + 4 * apart, is_open=True)

    assert fired(triggers, T0 + 4 * apart) is Trigger.BREAKER_CASCADE
    triggers.note_breaker("position/0", T0 + 4 * apart, is_open=False)
    assert fired(triggers, T0 + 4 * apart) is None


def test_a_breaker_told_twice_to_be_open_tripped_once() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_breaker("strategy/a", T0, is_open=True)
    triggers.note_breaker("strategy/a", T0 + 200 * SECOND, is_open=True)
    triggers.note_breaker("strategy/b", T0 + 301 * SECOND, is_open=True)
    triggers.note_breaker("strategy/c", T0 + 301 * SECOND, is_open=True)

    assert fired(triggers, T0 + 301 * SECOND) is None


def test_unknown_equity_is_a_system_failure_once_it_lasts() -> None:
    triggers = Triggers(TriggersConfig())

    assert fired(triggers, T0, math.nan) is None
    assert fired(triggers, T0 + 60 * SECOND - 1, math.nan) is None
    assert fired(triggers, T0 + 60 * SECOND, math.nan) is Trigger.SYSTEM_FAILURE
    assert fired(triggers, T0 + 61 * SECOND, 0.01) is None
    assert fired(triggers, T0 + 62 * SECOND, math.nan) is None
    assert fired(triggers, T0 + 122 * SECOND, math.nan) is Trigger.SYSTEM_FAILURE


OFF: list[tuple[TriggersConfig, Callable[[Triggers], None], float]] = [
    (TriggersConfig(drawdown=DrawdownTriggerConfig(enabled=False)), lambda t: None, 0.5),
    (
        TriggersConfig(system_failure=SystemFailureConfig(enabled=False)),
        lambda t: t.note_system_failure("postgres", "gone"),
        math.nan,
    ),
    (
        TriggersConfig(exchange_outage=ExchangeOutageConfig(enabled=False)),
        lambda t: t.note_venue("BINANCE", T0 - 3_600 * SECOND, reachable=False),
        0.0,
    ),
    (
        TriggersConfig(risk_limits=RiskLimitsConfig(enabled=False)),
        lambda t: [t.note_breach(limit, T0) for limit in LIMITS],
        0.0,
    ),
    (
        TriggersConfig(breaker_cascade=BreakerCascadeConfig(enabled=False)),
        lambda t: [t.note_breaker(str(index), T0, is_open=True) for index in range(10)],
        0.0,
    ),
    (
        TriggersConfig(compliance_violation=SwitchConfig(enabled=False)),
        lambda t: t.note_compliance_violation("wash trade"),
        0.0,
    ),
    (TriggersConfig(security_breach=SwitchConfig(enabled=False)), lambda t: t.note_security_breach("intruder"), 0.0),
]


@pytest.mark.parametrize(("config", "note", "drawdown"), OFF)
def test_each_trigger_can_be_switched_off(
    config: TriggersConfig, note: Callable[[Triggers], None], drawdown: float
) -> None:
    silent, usual = Triggers(config), Triggers(TriggersConfig())
    for triggers in (silent, usual):
        note(triggers)
        triggers.evaluate(T0 - 3_600 * SECOND, drawdown)

    assert fired(silent, T0, drawdown) is None
    assert fired(usual, T0, drawdown) is not None


def test_there_are_eight_and_the_manual_one_has_no_switch() -> None:
    assert len(Trigger) == 8
    assert {name.upper() for name in TriggersConfig.__struct_fields__} == {each.value for each in Trigger} - {"MANUAL"}


def test_of_several_the_gravest_is_told_and_all_stand() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_security_breach("intruder")
    triggers.note_manual("ada", "get out")

    assert fired(triggers, drawdown=0.2) is Trigger.MANUAL
    assert [each.trigger for each in triggers.standing(T0, 0.2)] == [
        Trigger.MANUAL,
        Trigger.SECURITY_BREACH,
        Trigger.DRAWDOWN,
    ]


def test_after_a_clearance_drawdown_counts_from_the_equity_then() -> None:
    triggers = Triggers(TriggersConfig())
    assert fired(triggers, drawdown=0.10) is Trigger.DRAWDOWN
    triggers.clear(0.10)

    assert fired(triggers, drawdown=0.10) is None
    assert fired(triggers, drawdown=1.0 - 0.90 * 0.951) is None
    assert fired(triggers, drawdown=1.0 - 0.90 * 0.949) is Trigger.DRAWDOWN


def test_after_a_clearance_drawdown_counts_from_the_highest_equity_since() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.clear(0.10)
    assert fired(triggers, drawdown=0.02) is None

    assert fired(triggers, drawdown=1.0 - 0.98 * 0.951) is None
    assert fired(triggers, drawdown=1.0 - 0.98 * 0.949) is Trigger.DRAWDOWN


def test_a_new_peak_ends_the_effect_of_a_clearance() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.clear(0.10)
    triggers.evaluate(T0, 0.0)

    assert triggers.snapshot() == TriggersSnapshot()
    assert fired(triggers, drawdown=0.05) is Trigger.DRAWDOWN


def test_the_base_survives_a_restart() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.clear(0.10)
    stored = msgspec.json.decode(msgspec.json.encode(triggers.snapshot()), type=TriggersSnapshot)

    assert fired(Triggers(TriggersConfig(), stored), drawdown=0.10) is None
    assert fired(Triggers(TriggersConfig()), drawdown=0.10) is Trigger.DRAWDOWN


@pytest.mark.parametrize("drawdown", [math.nan, math.inf, 1.0, -math.inf])
def test_a_clearance_without_a_usable_equity_keeps_the_base(drawdown: float) -> None:
    triggers = Triggers(TriggersConfig())
    triggers.clear(drawdown)

    assert triggers.snapshot() == TriggersSnapshot()


@given(
    path=st.lists(st.floats(0.0, 0.9), min_size=1, max_size=30),
    cleared=st.floats(0.001, 0.9),
)
def test_drawdown_after_a_clearance_equals_that_of_the_equity_path(path: list[float], cleared: float) -> None:
    triggers = Triggers(TriggersConfig())
    triggers.clear(cleared)
    peak = 1.0 - cleared

    for drawdown in path:
        equity = 1.0 - drawdown
        peak = max(peak, equity)
        fall = 1.0 - equity / peak
        if abs(fall - 0.05) < 1e-9:
            continue
        assert (fired(triggers, drawdown=drawdown) is Trigger.DRAWDOWN) is (fall > 0.05)


def test_risk_is_normal_once_nothing_lasts() -> None:
    triggers = Triggers(TriggersConfig())
    triggers.note_security_breach("intruder")

    assert triggers.risk_is_normal(T0, 0.2)  # both are ended by the clearance itself
    assert not triggers.risk_is_normal(T0, math.nan)
    triggers.note_venue("BINANCE", T0 - 120 * SECOND, reachable=False)
    assert not triggers.risk_is_normal(T0, 0.0)
    triggers.note_venue("BINANCE", T0, reachable=True)
    for limit in LIMITS:
        triggers.note_breach(limit, T0)
    assert not triggers.risk_is_normal(T0, 0.0)
    assert triggers.risk_is_normal(T0 + 61 * SECOND, 0.0)


def test_two_limits_at_least_make_several() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"risk_limits": {"limits_min": 1}}, TriggersConfig)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"manual": {"enabled": False}}, TriggersConfig)
