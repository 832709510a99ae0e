from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from risk.exact_sum import ExactSum

money = st.floats(-1e15, 1e15)


@given(st.lists(money, max_size=40))
def test_equals_the_exact_sum_whatever_the_order(values: list[float]) -> None:
    forward, backward = ExactSum(), ExactSum()
    for value in values:
        forward.add(value)
    for value in reversed(values):
        backward.add(value)

    assert forward.total() == backward.total() == math.fsum(values)


@given(st.lists(money, max_size=20), st.lists(money, max_size=20))
def test_what_is_taken_away_leaves_no_trace(kept: list[float], passing: list[float]) -> None:
    total = ExactSum()
    for value in [*passing, *kept]:
        total.add(value)
    for value in passing:
        total.add(-value)

    assert total.total() == math.fsum(kept)


def test_keeps_a_cent_beside_a_fortune() -> None:
    total = ExactSum()
    for value in (1e17, 0.01, -1e17):
        total.add(value)

    assert total.total() == 0.01
