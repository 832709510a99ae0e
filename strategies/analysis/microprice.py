"""Stoikov's micro-price: the mid a quote leads to in the end, estimated from a history of quotes."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np

from catalog.model import F64
from errors import PreconditionError
from strategies.features.events import ASK_PRICE, ASK_SIZE, BID_PRICE, BID_SIZE, EventKind, Events


class MicropriceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The states a quote is sorted into.

    Attributes
    ----------
    tick : float
        The price increment, in quote currency.
    imbalances : int
        Equal parts of the share bid size / (bid size + ask size).
    spreads : int
        Spreads of 1 to this many ticks; wider quotes have no micro-price but their mid.

    """

    tick: Annotated[float, msgspec.Meta(gt=0)]
    imbalances: Annotated[int, msgspec.Meta(ge=2, le=100)] = 10
    spreads: Annotated[int, msgspec.Meta(ge=1, le=20)] = 2


class Microprice:
    """
    The micro-price: mid + g(imbalance, spread), where g is the limit of the expected mid.

    Attributes
    ----------
    config : MicropriceConfig
    adjustment : float64[spreads, imbalances]
        g, in quote currency; positive where more rests on the bid.

    """

    def __init__(self, config: MicropriceConfig, adjustment: F64) -> None:
        if adjustment.shape != (config.spreads, config.imbalances):
            raise ValueError(f"adjustment must be {(config.spreads, config.imbalances)}, was {adjustment.shape}")
        self.config = config
        self.adjustment = adjustment

    @classmethod
    def fit(cls, quotes: Events, config: MicropriceConfig) -> Microprice:
        """
        Estimate the adjustment from quotes.

        Parameters
        ----------
        quotes : Events
            n quotes; use it only on quotes after the last of them. Those wider than `spreads` ticks, and what leads
            to them, are left out.
        config : MicropriceConfig

        Returns
        -------
        Microprice

        Raises
        ------
        PreconditionError
            If the mid never moves, or a state never leads to a move of the mid: there is too little history.

        References
        ----------
        Stoikov (2018), The Micro-Price: A High-Frequency Estimator of Future Prices, Quantitative Finance 18(12),
        1959-1966, section 3 and theorem 3.1: the sum over i of B^i (I - Q)^-1 R k, B = (I - Q)^-1 T. Every transition
        is counted a second time with bid and ask exchanged, as there, which makes g odd and the limit finite.

        """
        if quotes.kind is not EventKind.QUOTE:
            raise ValueError(f"expected quote events, were {quotes.kind.value}")
        state = _states(quotes.values, config)
        values = quotes.values
        twice_mid = np.rint((values[:, BID_PRICE] + values[:, ASK_PRICE]) / config.tick)
        moved = np.diff(twice_mid) * 0.5 * config.tick
        usable = (state[:-1] >= 0) & (state[1:] >= 0)
        origin, goal, move = state[:-1][usable], state[1:][usable], moved[usable]
        mirrored = (_mirror(origin, config), _mirror(goal, config), -move)
        origin, goal, move = (np.concatenate(pair) for pair in zip((origin, goal, move), mirrored, strict=True))
        count = config.spreads * config.imbalances
        staying, moving = np.zeros((count, count)), np.zeros((count, count))
        still = move == 0.0
        np.add.at(staying, (origin[still], goal[still]), 1.0)
        np.add.at(moving, (origin[~still], goal[~still]), 1.0)
        first_move = np.bincount(origin, weights=move, minlength=count)
        seen = staying.sum(axis=1) + moving.sum(axis=1)
        if not moving.any():
            raise PreconditionError(f"the mid never moves in {len(quotes)} quotes")
        used = seen > 0.0
        scale = np.where(used, seen, 1.0)[:, None]
        try:
            # states never seen stay where they are, without a move
            reach = np.linalg.inv(np.eye(count) - staying / scale)
        except np.linalg.LinAlgError:
            raise PreconditionError(f"a state never leads to a move of the mid in {len(quotes)} quotes") from None
        step = reach @ (first_move / scale[:, 0])
        onward = reach @ (moving / scale)
        # the sum of onward^i step, i from 0: step is odd, and on odd vectors, unlike on constant ones, it converges
        odd = 0.5 * (np.eye(count) - np.eye(count)[_mirror(np.arange(count), config)])
        total = np.linalg.solve(np.eye(count) - onward @ odd, step)
        if not np.isfinite(total).all() or np.abs(total).max() > 1e6 * config.tick:
            raise PreconditionError(f"a state never leads to a move of the mid in {len(quotes)} quotes")
        return cls(config, np.asarray(total.reshape(config.spreads, config.imbalances)))

    def price(self, quotes: Events) -> F64:
        """Return the micro-price of each quote, float64[n]; the mid where the spread is none of those fitted."""
        state = _states(quotes.values, self.config)
        mid = 0.5 * (quotes.values[:, BID_PRICE] + quotes.values[:, ASK_PRICE])
        return np.asarray(mid + np.where(state >= 0, self.adjustment.ravel()[state], 0.0))


def _states(values: F64, config: MicropriceConfig) -> np.ndarray:
    """Return int64[n] state numbers, spread by spread; -1 for quotes that are none."""
    ticks = (values[:, ASK_PRICE] - values[:, BID_PRICE]) / config.tick
    spread = np.rint(np.where(np.isfinite(ticks), np.clip(ticks, 0.0, 1e9), 0.0)).astype(np.int64)
    resting = values[:, BID_SIZE] + values[:, ASK_SIZE]
    known = (spread >= 1) & (spread <= config.spreads) & (resting > 0.0)
    share = np.where(known, values[:, BID_SIZE] / np.where(resting > 0.0, resting, math.inf), 0.0)
    part = np.minimum((share * config.imbalances).astype(np.int64), config.imbalances - 1)
    return np.where(known, (spread - 1) * config.imbalances + part, -1)


def _mirror(state: np.ndarray, config: MicropriceConfig) -> np.ndarray:
    """Return the state with bid and ask exchanged."""
    spread, part = np.divmod(state, config.imbalances)
    return np.asarray(spread * config.imbalances + config.imbalances - 1 - part)
