from __future__ import annotations

import tomllib

import pytest

from errors import ConfigError
from risk.limits import LimitsConfig, PositionBasis
from settings import decode


def read(text: str) -> LimitsConfig:
    return decode(tomllib.loads(text).get("limits", {}), LimitsConfig, where="run.toml", prefix="limits")


def test_the_defaults_are_the_specified_numbers() -> None:
    limits = read("")

    assert (limits.position.basis, limits.position.max) == (PositionBasis.RISK, 0.02)
    assert limits.leverage.max == 3.0
    assert limits.daily_loss.max == 0.02
    assert limits.drawdown.max == 0.05
    assert limits.concurrent.positions_max == 20


def test_reads_what_a_user_writes() -> None:
    limits = read('[limits.position]\nbasis = "notional"\nmax = 0.5\n[limits.collar]\nenabled = false\n')

    assert limits.position.basis is PositionBasis.NOTIONAL
    assert limits.position.max == 0.5
    assert not limits.collar.enabled


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[limits.position]\nmax = 1.5", "limits.position.max"),
        ("[limits.position]\nmax = 0.0", "limits.position.max"),
        ("[limits.position]\nmax = nan", "limits.position.max"),
        ('[limits.position]\nbasis = "size"', "limits.position.basis"),
        ("[limits.positions]\nmax = 0.1", "limits"),
        ('[limits.leverage]\nmax = "3"', "limits.leverage.max"),
        ("[limits.concurrent]\npositions_max = 21", "limits.concurrent.positions_max"),
        ("[limits.rate]\norders_max = 0", "limits.rate.orders_max"),
    ],
)
def test_refuses_what_makes_no_sense_and_says_where(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert where in str(caught.value)
