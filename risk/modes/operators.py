"""The simulated operator of a SemiAuto replay: a policy and a response time, so that supervision has a cost."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal
from enum import Enum
from statistics import NormalDist
from typing import Annotated

import msgspec

from risk.intent import Intent
from risk.view import View

_HOUR_NS = 3_600_000_000_000
_STANDARD_NORMAL = NormalDist()

type HourOfDay = Annotated[float, msgspec.Meta(ge=0.0, le=24.0)]


class Policy(Enum):
    """How the operator decides."""

    APPROVE_ALL = "approve_all"
    REJECT_ALL = "reject_all"
    RULES = "rules"
    AWAY = "away"


class Spread(Enum):
    """How response times are spread."""

    FIXED = "fixed"
    LOGNORMAL = "lognormal"


class LatencyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How long the operator takes: always `median_s`, or log-normal about it.

    `sigma` is the standard deviation of the logarithm; 0.5 puts nine in ten answers between 0.44 and 2.3 times the
    median. Human response times are right-skewed, which a log-normal reproduces.
    """

    spread: Spread = Spread.LOGNORMAL
    median_s: Annotated[float, msgspec.Meta(ge=0.0, le=3_600.0)] = 8.0
    sigma: Annotated[float, msgspec.Meta(ge=0.0, le=3.0)] = 0.5


class Over(Enum):
    """What policy `rules` does with an order that is too large."""

    REJECT = "reject"
    AMEND = "amend"


class RulesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What policy `rules` approves: not larger than this (quote currency), and at least this confident.

    `over` tells whether a larger order is rejected or cut to `notional_max`; one that can't be cut is rejected.
    """

    notional_max: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    confidence_min: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] | None = None
    over: Over = Over.REJECT

    def __post_init__(self) -> None:
        """Refuse to cut to a size that is not given."""
        if self.over is Over.AMEND and self.notional_max is None:
            raise ValueError('over = "amend" needs notional_max, the size to cut to')


class AwayConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of the day (UTC) without an answer, from `start_hour` to before `end_hour`; may pass midnight."""

    start_hour: HourOfDay
    end_hour: HourOfDay

    def __post_init__(self) -> None:
        """Refuse hours that name no time."""
        if self.start_hour == self.end_hour:
            raise ValueError(f"start_hour and end_hour must differ, were both {self.start_hour}")

    def covers(self, ts_ns: int) -> bool:
        """Return whether an instant falls into these hours."""
        hour = ts_ns % (24 * _HOUR_NS) / _HOUR_NS
        if self.start_hour < self.end_hour:
            return self.start_hour <= hour < self.end_hour
        return hour >= self.start_hour or hour < self.end_hour

    def end_ns(self, ts_ns: int) -> int:
        """Return when the hours away that cover an instant are over."""
        end = ts_ns // (24 * _HOUR_NS) * (24 * _HOUR_NS) + round(self.end_hour * _HOUR_NS)
        return end if end > ts_ns else end + 24 * _HOUR_NS


class OperatorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The simulated operator: policy, response time, the hours away, and the seed of the response times.

    The hours away hold for every policy. `recovers_after_h` is how long after an emergency began the operator clears
    it, if everything is closed and normal by then; none leaves the run in Emergency.
    """

    policy: Policy = Policy.APPROVE_ALL
    latency: LatencyConfig = LatencyConfig()
    rules: RulesConfig = RulesConfig()
    away: tuple[AwayConfig, ...] = ()
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    recovers_after_h: Annotated[float, msgspec.Meta(ge=0.0, le=8_760.0)] | None = None

    def __post_init__(self) -> None:
        """Refuse the policy `rules` without a rule, and rules that no policy reads."""
        given = self.rules.notional_max is not None or self.rules.confidence_min is not None
        if given != (self.policy is Policy.RULES):
            raise ValueError(f'policy "{self.policy.value}" and rules must be given together or not at all')


class Answer(msgspec.Struct, frozen=True):
    """An operator's answer, given `delay_ns` after the request; `quantity` is what it is cut to, None for all of it."""

    approves: bool
    delay_ns: int
    quantity: float | None = None
    reason: str = ""


class Operator:
    """
    Answer approval requests as configured.

    The n-th request gets the n-th response time of the seed, drawn from a hash and not from a generator's state,
    so equal runs wait equally long, and an answer does not depend on what was asked before it but on its number.
    """

    def __init__(self, config: OperatorConfig) -> None:
        self._config = config
        self._asked = 0

    def answer(self, intent: Intent, view: View) -> Answer | None:
        """
        Answer a request.

        Parameters
        ----------
        intent : Intent
            What waits for approval.
        view : View
            The account as of the request; its mark values the order.

        Returns
        -------
        Answer or None
            None where nobody answers, because nobody is there when the request comes or when its answer would be
            given; the request then times out, as it does when the delay is too long for it.

        """
        delay_ns = self._delay_ns(self._asked)
        self._asked += 1
        config = self._config
        if config.policy is Policy.AWAY or self._is_away(intent.ts_ns) or self._is_away(intent.ts_ns + delay_ns):
            return None
        if config.policy is Policy.RULES:
            return self._by_rules(intent, view, delay_ns)
        return Answer(config.policy is Policy.APPROVE_ALL, delay_ns, reason=config.policy.value)

    def recovery_ns(self, emergency_ns: int) -> int | None:
        """Return when the operator clears an emergency that began then, once back if away; None for never."""
        hours = self._config.recovers_after_h
        if hours is None or self._config.policy is Policy.AWAY:
            return None
        instant = emergency_ns + round(hours * _HOUR_NS)
        for _ in range(2 * len(self._config.away) + 1):
            covering = [away for away in self._config.away if away.covers(instant)]
            if not covering:
                return instant
            instant = max(away.end_ns(instant) for away in covering)
        return None  # the hours away leave no hour of the day

    def _is_away(self, ts_ns: int) -> bool:
        return any(hours.covers(ts_ns) for hours in self._config.away)

    def _by_rules(self, intent: Intent, view: View, delay_ns: int) -> Answer:
        """Judge confidence first: an order one does not believe in is not worth cutting."""
        rules = self._config.rules
        if rules.confidence_min is not None:
            confidence = math.nan if intent.confidence is None else intent.confidence
            if not confidence >= rules.confidence_min:
                return Answer(approves=False, delay_ns=delay_ns, reason="confidence")
        if rules.notional_max is None:
            return Answer(approves=True, delay_ns=delay_ns, reason="rules")
        price = intent.price or intent.trigger_price or view.mark(intent.instrument) or math.nan
        if intent.quantity * price <= rules.notional_max:
            return Answer(approves=True, delay_ns=delay_ns, reason="rules")
        quantity = _cut(rules, intent, price, view) if rules.over is Over.AMEND else 0.0
        if quantity == 0.0:
            return Answer(approves=False, delay_ns=delay_ns, reason="size")
        return Answer(approves=True, delay_ns=delay_ns, quantity=quantity, reason="size")

    def _delay_ns(self, number: int) -> int:
        latency = self._config.latency
        seconds = latency.median_s
        if latency.spread is Spread.LOGNORMAL:
            seconds *= math.exp(latency.sigma * _STANDARD_NORMAL.inv_cdf(_uniform(self._config.seed, number)))
        return round(seconds * 1e9)


def _cut(rules: RulesConfig, intent: Intent, price: float, view: View) -> float:
    """Return the largest quantity on the lot that is worth no more than the rules allow; 0 where there is none."""
    facts = view.facts(intent.instrument)
    if facts is None or rules.notional_max is None or not price > 0.0:
        return 0.0
    lot = Decimal(str(facts.size_increment))
    lots = Decimal(rules.notional_max) / Decimal(price) // lot
    quantity = float(lots * lot)
    return quantity if 0.0 < quantity < intent.quantity else 0.0


def _uniform(seed: int, number: int) -> float:
    """Return the number-th value of the seed, evenly spread over the open interval from 0 to 1."""
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    return (int.from_bytes(digest[:6]) + 0.5) / 2.0**48
