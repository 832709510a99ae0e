from __future__ import annotations

import math
import statistics

import msgspec
import pytest

from errors import ConfigError
from risk.modes.operators import (
    Answer,
    AwayConfig,
    LatencyConfig,
    Operator,
    OperatorConfig,
    Over,
    Policy,
    RulesConfig,
    Spread,
)
from settings import decode
from tests.risk.world import DAY, NOW, SECOND, buy, world

HOUR = 3_600 * SECOND
MIDNIGHT = NOW // DAY * DAY
PROMPT = LatencyConfig(spread=Spread.FIXED, median_s=2.0)


def answer(config: OperatorConfig, **changes: object) -> Answer | None:
    return Operator(config).answer(buy(1.0, **changes), world())


@pytest.mark.parametrize(("policy", "approves"), [(Policy.APPROVE_ALL, True), (Policy.REJECT_ALL, False)])
def test_a_fixed_policy_answers_after_its_time(policy: Policy, approves: bool) -> None:
    assert answer(OperatorConfig(policy=policy, latency=PROMPT)) == Answer(approves, 2 * SECOND, reason=policy.value)


def test_nobody_answers_when_away() -> None:
    assert answer(OperatorConfig(policy=Policy.AWAY)) is None


@pytest.mark.parametrize(
    ("changes", "approves"),
    [
        ({"confidence": 0.6}, True),
        ({"confidence": 0.59}, False),
        ({"confidence": None}, False),
        ({"confidence": math.nan}, False),
        ({"confidence": 0.9, "price": 101.0}, False),
        ({"confidence": 0.9, "trigger_price": 101.0}, False),
    ],
)
def test_rules_bound_notional_and_confidence(changes: dict[str, float], approves: bool) -> None:
    rules = RulesConfig(notional_max=100.0, confidence_min=0.6)
    given = answer(OperatorConfig(policy=Policy.RULES, rules=rules, latency=PROMPT), **changes)

    assert given is not None
    assert given.approves is approves


def test_an_order_that_cannot_be_valued_is_not_approved_by_a_rule_on_its_value() -> None:
    operator = Operator(OperatorConfig(policy=Policy.RULES, rules=RulesConfig(notional_max=100.0)))
    given = operator.answer(buy(1.0), world(mark=None))

    assert given is not None
    assert given.approves is False


@pytest.mark.parametrize(
    ("start", "end", "hour", "away"),
    [
        (9, 17, 8.99, False),
        (9, 17, 9, True),
        (9, 17, 16.99, True),
        (9, 17, 17, False),
        (22, 6, 23, True),
        (22, 6, 5.99, True),
        (22, 6, 6, False),
        (0, 24, 12, True),
    ],
)
def test_hours_away_may_pass_midnight(start: float, end: float, hour: float, away: bool) -> None:
    config = OperatorConfig(away=(AwayConfig(start_hour=start, end_hour=end),))

    assert (answer(config, ts_ns=MIDNIGHT + round(hour * HOUR)) is None) is away


def test_an_answer_that_would_come_while_away_is_not_given() -> None:
    latency = LatencyConfig(spread=Spread.FIXED, median_s=10.0)
    config = OperatorConfig(away=(AwayConfig(start_hour=22, end_hour=6),), latency=latency)
    leaves = MIDNIGHT + 22 * HOUR

    assert answer(config, ts_ns=leaves - 10 * SECOND - 1) is not None
    assert answer(config, ts_ns=leaves - 10 * SECOND) is None
    assert answer(config, ts_ns=MIDNIGHT + 6 * HOUR) is not None


def by_rules(**rules: object) -> OperatorConfig:
    return OperatorConfig(policy=Policy.RULES, rules=RulesConfig(**rules), latency=PROMPT)


@pytest.mark.parametrize(
    ("notional_max", "quantity"),
    [(99.99, 0.999), (50.05, 0.5), (0.1, 0.001), (100.0, None), (1e6, None)],
)
def test_an_order_that_is_too_large_is_cut_to_the_lot_below(notional_max: float, quantity: float | None) -> None:
    given = answer(by_rules(notional_max=notional_max, over=Over.AMEND))

    assert given is not None
    assert (given.approves, given.quantity) == (True, quantity)


@pytest.mark.parametrize("changes", [{"confidence": 0.5}, {"confidence": None}])
def test_an_order_one_does_not_believe_in_is_not_cut_but_rejected(changes: dict[str, float]) -> None:
    given = answer(by_rules(notional_max=50.0, confidence_min=0.6, over=Over.AMEND), **changes)

    assert given == Answer(approves=False, delay_ns=2 * SECOND, reason="confidence")


def test_an_order_that_can_not_be_cut_is_rejected() -> None:
    tiny = by_rules(notional_max=0.05, over=Over.AMEND)

    assert answer(tiny) == Answer(approves=False, delay_ns=2 * SECOND, reason="size")
    assert answer(tiny, instrument="UNKNOWN.BINANCE") == Answer(approves=False, delay_ns=2 * SECOND, reason="size")
    unpriced = Operator(tiny).answer(buy(1.0), world(mark=None))
    assert unpriced == Answer(approves=False, delay_ns=2 * SECOND, reason="size")


def test_rules_hold_by_day_and_nobody_answers_by_night() -> None:
    night = (AwayConfig(start_hour=22, end_hour=6),)
    config = msgspec.structs.replace(by_rules(notional_max=50.0, confidence_min=0.6, over=Over.AMEND), away=night)

    noon = answer(config, confidence=0.7, ts_ns=MIDNIGHT + 12 * HOUR)
    assert noon is not None
    assert (noon.approves, noon.quantity) == (True, 0.5)
    assert answer(config, confidence=0.7, ts_ns=MIDNIGHT + 23 * HOUR) is None


@pytest.mark.parametrize(
    ("config", "hours"),
    [
        ({}, None),
        ({"recovers_after_h": 2.5}, 14.5),
        ({"recovers_after_h": 0.0}, 12.0),
        ({"recovers_after_h": 12.0, "away": (AwayConfig(start_hour=22, end_hour=6),)}, 30.0),
        ({"recovers_after_h": 10.0, "away": (AwayConfig(start_hour=22, end_hour=6),)}, 30.0),
        ({"recovers_after_h": 18.0, "away": (AwayConfig(start_hour=22, end_hour=6),)}, 30.0),
        (
            {
                "recovers_after_h": 1.0,
                "away": (AwayConfig(start_hour=14, end_hour=20), AwayConfig(start_hour=12, end_hour=15)),
            },
            20.0,
        ),
        ({"recovers_after_h": 1.0, "away": (AwayConfig(start_hour=0, end_hour=24),)}, None),
        (
            {
                "recovers_after_h": 1.0,
                "away": (AwayConfig(start_hour=18, end_hour=6), AwayConfig(start_hour=6, end_hour=18)),
            },
            None,
        ),
        ({"recovers_after_h": 1.0, "policy": Policy.AWAY}, None),
    ],
)
def test_an_emergency_is_cleared_some_hours_later_by_one_who_is_there(
    config: dict[str, object], hours: float | None
) -> None:
    cleared = Operator(OperatorConfig(**config)).recovery_ns(MIDNIGHT + 12 * HOUR)

    assert cleared == (None if hours is None else MIDNIGHT + round(hours * HOUR))


def test_equal_seeds_wait_equally_long_and_other_seeds_do_not() -> None:
    def delays(seed: int) -> list[int]:
        operator = Operator(OperatorConfig(seed=seed))
        answers = [operator.answer(buy(1.0), world()) for _ in range(20)]
        return [given.delay_ns for given in answers if given is not None]

    assert delays(1) == delays(1)
    assert delays(1) != delays(2)
    assert len(set(delays(1))) == 20


def test_the_first_response_times_of_seed_zero_are_what_they_always_were() -> None:
    operator = Operator(OperatorConfig())
    first = [operator.answer(buy(1.0), world()) for _ in range(3)]

    assert [given.delay_ns for given in first if given is not None] == [10_018_206_222, 16_981_724_358, 8_791_590_387]


def test_response_times_are_log_normal_about_the_median() -> None:
    operator = Operator(OperatorConfig(latency=LatencyConfig(median_s=8.0, sigma=0.5)))
    logs = []
    for _ in range(4_000):
        given = operator.answer(buy(1.0), world())
        assert given is not None
        logs.append(math.log(given.delay_ns / 1e9))

    assert statistics.mean(logs) == pytest.approx(math.log(8.0), abs=0.03)
    assert statistics.stdev(logs) == pytest.approx(0.5, abs=0.02)


def test_reads_from_a_config_file() -> None:
    document = {
        "policy": "rules",
        "seed": 7,
        "latency": {"spread": "lognormal", "median_s": 5.0, "sigma": 0.4},
        "rules": {"notional_max": 1000.0, "over": "amend"},
        "recovers_after_h": 6.0,
        "away": [{"start_hour": 22.0, "end_hour": 6.0}],
    }
    config = decode(document, OperatorConfig, where="run.toml", prefix="operator")

    assert config.policy is Policy.RULES
    assert config.away[0].covers(MIDNIGHT)
    assert msgspec.convert(msgspec.to_builtins(config), OperatorConfig) == config


@pytest.mark.parametrize(
    "document",
    [
        {"policy": "sometimes"},
        {"policy": "rules"},
        {"policy": "approve_all", "rules": {"notional_max": 1.0}},
        {"policy": "rules", "rules": {"confidence_min": 0.5, "over": "amend"}},
        {"policy": "rules", "rules": {"notional_max": 1.0, "over": "double"}},
        {"recovers_after_h": -1.0},
        {"latency": {"median_s": -1.0}},
        {"away": [{"start_hour": 3.0, "end_hour": 3.0}]},
        {"away": [{"start_hour": 3.0, "end_hour": 25.0}]},
        {"patience": 1},
    ],
)
def test_refuses_a_config_that_means_nothing(document: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        decode(document, OperatorConfig, where="run.toml", prefix="operator")
