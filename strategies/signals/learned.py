"""The signal of the trained model: the probability of a rise becomes direction, confidence and expected return."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Protocol

import msgspec

from catalog.model import F64
from strategies.signals.signal import Action, Prediction, Signal, from_prediction

MEAN_ABSOLUTE_NORMAL = math.sqrt(2.0 / math.pi)
"""E|Z| of a standard normal: turns a volatility into the mean size of a move."""


class Classifier(Protocol):
    """What the signal needs of a model; `strategies.models.forest.Forest` is one."""

    def probability(self, row: F64) -> float:
        """Return P(rise over the horizon) for one feature row."""


class Schedule(Protocol):
    """What the signal needs of a walk-forward schedule; `strategies.models.schedule.ModelSchedule` is one."""

    @property
    def layout_hash(self) -> str:
        """Return the hash of the feature layout the models were trained on."""

    @property
    def horizon_bars(self) -> int:
        """Return the bars ahead that the models predict."""

    def at(self, ts_ns: int) -> Classifier | None:
        """Return the model that may be used at `ts_ns`, None where there is none."""


class LearnedConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How probabilities become a signal.

    `edge_full` is the distance ``|2 P - 1|`` at which confidence is 1: 0.2 trusts ``P = 0.6`` fully, since hourly
    direction is rarely predicted better than that. Below `edge_hold` the action is HOLD.
    """

    edge_full: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.2
    edge_hold: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0

    def __post_init__(self) -> None:
        if not self.edge_hold < self.edge_full:
            raise ValueError(f"need edge_hold < edge_full, were {self.edge_hold}, {self.edge_full}")


def predict(probability_up: float, volatility: float, horizon_bars: int, config: LearnedConfig) -> Prediction:
    """
    Turn one probability into a prediction.

    The expected return is ``(2 P - 1) * volatility * sqrt(horizon) * sqrt(2 / pi)``: the edge times the mean size of a
    move, were the moves normal and independent of their sign. The risk score is the entropy of P in bits: 1 for a coin,
    0 for certainty.

    Parameters
    ----------
    probability_up : float
        P(rise over the horizon), in [0, 1].
    volatility : float
        Standard deviation of one bar's log return; NaN gives an unknown expected return.
    horizon_bars : int
        Bars ahead that `probability_up` speaks of.
    config : LearnedConfig
        Scales.

    Returns
    -------
    Prediction
        With one model, which agrees with itself.

    Raises
    ------
    ValueError
        If the probability is NaN or outside [0, 1].

    """
    if not 0.0 <= probability_up <= 1.0:
        raise ValueError(f"a probability is in [0, 1], was {probability_up}")
    edge = 2.0 * probability_up - 1.0
    action = Action.HOLD if abs(edge) <= config.edge_hold else Action.BUY if edge > 0.0 else Action.SELL
    return Prediction(
        action=action,
        confidence=min(1.0, abs(edge) / config.edge_full),
        expected_return=edge * volatility * math.sqrt(horizon_bars) * MEAN_ABSOLUTE_NORMAL,
        risk_score=_entropy_bits(probability_up),
    )


class LearnedSignal:
    """
    Ask the model that is valid at each bar; abstain without one; stop asking after a failure, and say so once.

    Parameters
    ----------
    schedule : Schedule
        The walk-forward models.
    layout_hash : str
        Hash of the feature layout of the rows that will be given.
    config : LearnedConfig
        Scales.
    on_failure : callable
        Called once with a text when the model cannot be used: wrong layout, an exception, a probability that is none.
        From then on the signal abstains until `rearm`; the caller trades on without it.

    """

    def __init__(
        self, schedule: Schedule, layout_hash: str, config: LearnedConfig, on_failure: Callable[[str], None]
    ) -> None:
        self._schedule = schedule
        self._layout_hash = layout_hash
        self._config = config
        self._on_failure = on_failure
        self.failure: str | None = None

    @property
    def fits(self) -> bool:
        """Return whether the models were trained on the rows that will be given."""
        return self._schedule.layout_hash == self._layout_hash

    def rearm(self) -> None:
        """Forget a failure: ask the model again from the next bar on."""
        self.failure = None

    def __call__(self, ts_ns: int, row: F64, volatility: float) -> Signal | None:
        """
        Return the model's opinion at `ts_ns`, None where there is no model for that time or it failed.

        Parameters
        ----------
        ts_ns : int
            The bar's close time.
        row : float64[k]
            The feature row known at that time, in the layout of the schedule.
        volatility : float
            Standard deviation of one bar's log return.

        """
        if self.failure is not None:
            return None
        try:
            return self._ask(ts_ns, row, volatility)
        except Exception as error:  # noqa: BLE001  a broken model of whatever kind must not stop the strategy; it is reported
            self.failure = f"{type(error).__name__}: {error}"
        self._on_failure(self.failure)
        return None

    def _ask(self, ts_ns: int, row: F64, volatility: float) -> Signal | None:
        schedule = self._schedule
        if not self.fits:
            trained, given = schedule.layout_hash[:12], self._layout_hash[:12]
            raise ValueError(f"the model was trained on feature layout {trained}, the rows have {given}")
        model = schedule.at(ts_ns)
        if model is None:
            return None
        return from_prediction(predict(model.probability(row), volatility, schedule.horizon_bars, self._config))


def _entropy_bits(p: float) -> float:
    if p in {0.0, 1.0}:
        return 0.0
    return min(1.0, -(p * math.log2(p) + (1.0 - p) * math.log2(1.0 - p)))
