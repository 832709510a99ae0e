"""What an order's signal claims of Kelly's bet, read at the border."""

from __future__ import annotations

import math

import pytest

from risk.commands import _claims_of


@pytest.mark.parametrize(
    ("signal", "claimed"),
    [
        (None, None),
        ("not json", None),
        ("[1]", None),
        ("{}", None),
        ('{"kelly_fraction": null}', None),
        ('{"kelly_fraction": 0.2, "confidence": 0.7}', 0.2),
        ('{"kelly_fraction": 1}', 1.0),
    ],
)
def test_the_claim_is_read_from_the_signal(signal: str | None, claimed: float | None) -> None:
    assert _claims_of(signal)[1] == claimed


@pytest.mark.parametrize("claim", ['"much"', "true", "[0.1]", "{}"])
def test_a_claim_that_is_no_number_is_nan_and_takes_nothing_else_with_it(claim: str) -> None:
    signal = f'{{"kelly_fraction": {claim}, "confidence": 0.7}}'

    confidence, read = _claims_of(signal)

    assert read is not None
    assert math.isnan(read)
    assert confidence == 0.7


def test_a_confidence_that_is_no_number_is_none_and_takes_nothing_else_with_it() -> None:
    assert _claims_of('{"confidence": "high", "kelly_fraction": 0.2}') == (None, 0.2)
