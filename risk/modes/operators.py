"""The simulated operator of a SemiAuto replay: a policy and a response time, so that supervision has a cost."""

from __future__ import annotations

import hashlib
import math
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


class RulesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What policy `rules` approves: not larger than this (quote currency), and at least this confident."""

    notional_max: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    confidence_min: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] | None = None


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


class OperatorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated operator: policy, response time, the hours away, and the seed of the response times."""

    policy: Policy = Policy.APPROVE_ALL
    latency: LatencyConfig = LatencyConfig()
    rules: RulesConfig = RulesConfig()
    away: tuple[AwayConfig, ...] = ()
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        """Refuse the policy `rules` without a rule, and rules that no policy reads."""
        given = self.rules.notional_max is not None or self.rules.confidence_min is not None
        if given != (self.policy is Policy.RULES):
            raise ValueError(f'policy "{self.policy.value}" and rules must be given together or not at all')


class Answer(msgspec.Struct, frozen=True):
    """An operator's answer, given `delay_ns` after the request."""

    approves: bool
    delay_ns: int


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
            None where nobody answers; the request then times out, as it does when the delay is too long for it.

        """
        number = self._asked
        self._asked += 1
        if self._config.policy is Policy.AWAY or any(hours.covers(intent.ts_ns) for hours in self._config.away):
            return None
        return Answer(self._approves(intent, view), self._delay_ns(number))

    def _approves(self, intent: Intent, view: View) -> bool:
        if self._config.policy is not Policy.RULES:
            return self._config.policy is Policy.APPROVE_ALL
        rules = self._config.rules
        if rules.notional_max is not None:
            price = intent.price or intent.trigger_price or view.mark(intent.instrument) or math.nan
            if not intent.quantity * price <= rules.notional_max:
                return False
        if rules.confidence_min is not None:
            confidence = math.nan if intent.confidence is None else intent.confidence
            return confidence >= rules.confidence_min
        return True

    def _delay_ns(self, number: int) -> int:
        latency = self._config.latency
        seconds = latency.median_s
        if latency.spread is Spread.LOGNORMAL:
            seconds *= math.exp(latency.sigma * _STANDARD_NORMAL.inv_cdf(_uniform(self._config.seed, number)))
        return round(seconds * 1e9)


def _uniform(seed: int, number: int) -> float:
    """Return the number-th value of the seed, evenly spread over the open interval from 0 to 1."""
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    return (int.from_bytes(digest[:6]) + 0.5) / 2.0**48
