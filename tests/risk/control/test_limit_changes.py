"""Limits at run time: they may be tightened, within their ranges, and never loosened beyond the configuration."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.control.limit_changes import CHANGEABLE, TIGHTER_ABOVE, TIGHTER_BELOW, objection_to_change, tightened
from risk.limits import LeverageLimitConfig, LimitsConfig


def configured(path: str, limits: LimitsConfig | None = None) -> float:
    table, _, key = path.partition(".")
    value = getattr(getattr(limits or LimitsConfig(), table), key)
    assert isinstance(value, int | float)
    return value


@pytest.mark.parametrize("path", CHANGEABLE)
def test_every_changeable_limit_exists_and_can_be_set_to_what_it_is(path: str) -> None:
    assert objection_to_change(LimitsConfig(), path, configured(path)) is None
    assert tightened(LimitsConfig(), {path: configured(path)}) == LimitsConfig()


@given(st.sampled_from(CHANGEABLE), st.floats(1e-6, 1_000.0))
def test_whatever_is_asked_for_no_limit_becomes_looser(path: str, value: float) -> None:
    limits = LimitsConfig()
    objection = objection_to_change(limits, path, value)
    looser = value > configured(path) if path in TIGHTER_BELOW else value < configured(path)

    assert objection is not None or not looser
    if objection is None:
        assert configured(path, tightened(limits, {path: value})) == value
    elif looser and not isinstance(configured(path), int):
        assert "can only be tightened" in objection


@given(st.sampled_from(TIGHTER_BELOW), st.floats(1.0, 1e6))
def test_a_stored_change_that_has_become_looser_than_the_configuration_does_not_count(path: str, more: float) -> None:
    assert tightened(LimitsConfig(), {path: math.ceil(configured(path) * more)}) == LimitsConfig()


def test_the_other_limits_stay_as_they_are() -> None:
    after = tightened(LimitsConfig(), {"leverage.max": 1.5, "margin.reserve": 0.2})

    assert after == msgspec.structs.replace(
        LimitsConfig(),
        leverage=LeverageLimitConfig(max=1.5),
        margin=msgspec.structs.replace(LimitsConfig().margin, reserve=0.2),
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("leverage.maximum", 1.0, "limit must be one of"),
        ("leverage.enabled", False, "limit must be one of"),
        ("duplicate.window_s", 1.0, "limit must be one of"),
        ("leverage.max", True, "must be a number"),
        ("leverage.max", "2", "must be a number"),
        ("leverage.max", None, "must be a number"),
        ("leverage.max", math.nan, "must be a number"),
        ("leverage.max", -math.inf, "must be a number"),
        ("leverage.max", 10**400, "must be a number"),
        ("leverage.max", -(10**400), "must be a number"),
        ("rate.orders_max", 2.5, "must be a whole number"),
        ("rate.orders_max", math.inf, "must be a whole number"),
        ("leverage.max", 0.0, "> 0.0"),
        ("leverage.max", -1.0, "> 0.0"),
        ("rate.orders_max", 0, ">= 1"),
        ("margin.reserve", 1.0, "< 1.0"),
        ("leverage.max", 4.0, "can only be tightened"),
        ("margin.reserve", -0.1, "can only be tightened"),
    ],
)
def test_what_is_no_tightening_is_refused_with_the_reason(path: str, value: Any, said: str) -> None:
    objection = objection_to_change(LimitsConfig(), path, value)

    assert objection is not None
    assert said in objection


def test_a_limit_that_is_switched_off_is_not_tightened_in_vain() -> None:
    limits = LimitsConfig(leverage=LeverageLimitConfig(enabled=False))

    objection = objection_to_change(limits, "leverage.max", 1.0)

    assert objection is not None
    assert "switched off" in objection


def test_a_path_is_tightened_in_one_direction() -> None:
    assert not set(TIGHTER_ABOVE) & set(TIGHTER_BELOW)
