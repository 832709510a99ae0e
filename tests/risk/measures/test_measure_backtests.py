"""Kupiec and Christoffersen: published regions, independent computation, the corners."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from risk.measures.backtests import christoffersen, kupiec


@pytest.mark.parametrize(
    ("confidence", "observations", "below", "above"),
    [
        (0.99, 255, 0, 7), (0.99, 510, 1, 11), (0.99, 1000, 4, 17),
        (0.975, 255, 2, 12), (0.975, 510, 6, 21), (0.975, 1000, 15, 36),
        (0.95, 255, 6, 21), (0.95, 510, 16, 36), (0.95, 1000, 37, 65),
        (0.925, 255, 11, 28), (0.925, 510, 27, 51), (0.925, 1000, 59, 92),
        (0.90, 255, 16, 36), (0.90, 510, 38, 65), (0.90, 1000, 81, 120),
    ],
)  # fmt: skip
def test_kupiecs_published_regions(confidence: float, observations: int, below: int, above: int) -> None:
    """Table of non-rejection regions at 5 % in Kupiec (1995), as in Jorion (2006), table 6-2: below < N < above.

    The first cell is printed as N < 7: the printed formula has no value for no hit at all, which is taken here as its
    limit, -2 * 255 * log(0.99) = 5.13, and rejected.
    """
    accepted = [n for n in range(observations) if kupiec(n, observations, confidence).p_value > 0.05]

    assert accepted[0] == below + 1
    assert accepted[-1] == above - 1
    assert accepted == list(range(accepted[0], accepted[-1] + 1))


@given(st.integers(1, 2_000), st.floats(0.0, 1.0), st.floats(0.9, 0.995))
def test_kupiec_equals_the_binomial_likelihood_ratio(observations: int, share: float, confidence: float) -> None:
    hits = round(share * observations)
    expected = 2 * (
        stats.binom.logpmf(hits, observations, hits / observations)
        - stats.binom.logpmf(hits, observations, 1 - confidence)
    )

    result = kupiec(hits, observations, confidence)

    assert result.statistic == pytest.approx(max(0.0, expected), rel=1e-6, abs=1e-6)
    assert result.p_value == pytest.approx(stats.chi2.sf(result.statistic, 1), rel=1e-9, abs=1e-300)


def test_no_hit_and_only_hits_are_ordinary_outcomes() -> None:
    assert kupiec(0, 250, 0.99).statistic == pytest.approx(-2 * 250 * math.log(0.99))
    assert kupiec(250, 250, 0.99).statistic == pytest.approx(-2 * 250 * math.log(0.01))
    assert kupiec(250, 250, 0.99).p_value < 1e-300

    for hits in (np.zeros(100, dtype=bool), np.ones(100, dtype=bool)):
        coverage = christoffersen(hits, 0.95)
        assert coverage.independence.statistic == 0.0
        assert coverage.independence.p_value == 1.0
        assert coverage.conditional.statistic > 0.0


def chain_statistics(hits: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return independence and conditional coverage by the paper's formulas, from the counts of a dictionary."""
    counts = dict.fromkeys(((0, 0), (0, 1), (1, 0), (1, 1)), 0)
    for before, after in zip(hits[:-1].astype(int), hits[1:].astype(int), strict=True):
        counts[int(before), int(after)] += 1
    first = counts[0, 1] / (counts[0, 0] + counts[0, 1])
    second = counts[1, 1] / (counts[1, 0] + counts[1, 1])
    both = (counts[0, 1] + counts[1, 1]) / sum(counts.values())

    def log(count: int, chance: float) -> float:
        return 0.0 if count == 0 else count * math.log(chance)

    chain = (
        log(counts[0, 0], 1 - first)
        + log(counts[0, 1], first)
        + log(counts[1, 0], 1 - second)
        + log(counts[1, 1], second)
    )
    alone = log(counts[0, 0] + counts[1, 0], 1 - both) + log(counts[0, 1] + counts[1, 1], both)
    told = log(counts[0, 0] + counts[1, 0], confidence) + log(counts[0, 1] + counts[1, 1], 1 - confidence)
    return -2 * (alone - chain), -2 * (told - chain)


@given(st.integers(0, 2**32 - 1))
def test_christoffersen_equals_the_formulas_of_the_paper(seed: int) -> None:
    random = np.random.default_rng(seed)
    hits = random.random(400) < 0.06
    hits[50:53] = True
    independence, conditional = chain_statistics(hits, 0.95)

    coverage = christoffersen(hits, 0.95)

    assert coverage.hits == hits.sum()
    assert coverage.observations == 400
    assert coverage.independence.statistic == pytest.approx(independence, abs=1e-9)
    assert coverage.conditional.statistic == pytest.approx(conditional, abs=1e-9)
    assert coverage.independence.p_value == pytest.approx(stats.chi2.sf(independence, 1), rel=1e-9)
    assert coverage.conditional.p_value == pytest.approx(stats.chi2.sf(conditional, 2), rel=1e-9)


def test_bunched_hits_are_found_where_their_number_is_right() -> None:
    bunched, spread = np.zeros(1_000, dtype=bool), np.zeros(1_000, dtype=bool)
    bunched[500:510] = True
    spread[::100] = True

    assert kupiec(10, 1_000, 0.99).p_value > 0.99
    assert christoffersen(bunched, 0.99).independence.p_value < 1e-10
    assert christoffersen(spread, 0.99).independence.p_value > 0.3


def test_right_forecasts_are_rejected_about_as_often_as_they_should() -> None:
    random = np.random.default_rng(11)
    rejected = [kupiec(int(random.binomial(1_000, 0.05)), 1_000, 0.95).p_value < 0.05 for _ in range(4_000)]

    assert np.mean(rejected) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kupiec(-1, 10, 0.99),
        lambda: kupiec(11, 10, 0.99),
        lambda: kupiec(0, 0, 0.99),
        lambda: kupiec(1, 10, 1.0),
        lambda: kupiec(1, 10, math.nan),
        lambda: christoffersen(np.zeros(1, dtype=bool), 0.99),
    ],
)
def test_impossible_counts_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"need|must"):
        call()  # type: ignore[operator]
