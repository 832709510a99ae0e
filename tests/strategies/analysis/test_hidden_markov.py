"""The filter is the forward pass and no more: equal to hmmlearn's on every prefix, blind to what comes later."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.analysis.hidden_markov import HiddenMarkov, RegimeFilter, filtered

MODEL = HiddenMarkov(
    columns=("return", "volume"),
    start=(0.5, 0.3, 0.2),
    transition=((0.95, 0.04, 0.01), (0.1, 0.85, 0.05), (0.0, 0.2, 0.8)),
    means=((0.001, 0.0), (0.0, 0.5), (-0.01, 2.0)),
    variances=((1e-5, 0.5), (1e-4, 1.0), (1e-3, 2.0)),
)


def planted(rows: int, seed: int, model: HiddenMarkov = MODEL) -> tuple[np.ndarray, np.ndarray]:
    """Return observations drawn from a model, and the regimes they were drawn in."""
    random = np.random.default_rng(seed)
    regimes = [int(random.choice(len(model.start), p=model.start))]
    while len(regimes) < rows:
        regimes.append(int(random.choice(len(model.start), p=model.transition[regimes[-1]])))
    deviations = np.sqrt(np.array(model.variances)[regimes])
    return random.normal(np.array(model.means)[regimes], deviations), np.array(regimes)


def hmmlearn_model(model: HiddenMarkov = MODEL) -> GaussianHMM:
    theirs = GaussianHMM(len(model.start), covariance_type="diag")
    theirs.startprob_, theirs.transmat_ = np.array(model.start), np.array(model.transition)
    theirs.means_, theirs.covars_ = np.array(model.means), np.array(model.variances)
    return theirs


def test_log_likelihood_and_probabilities_are_those_of_hmmlearn_on_every_prefix() -> None:
    observations, _ = planted(120, 1)
    theirs = hmmlearn_model()

    probabilities, log_likelihoods = filtered(MODEL, observations)

    for length in range(1, len(observations) + 1):
        score, smoothed = theirs.score_samples(observations[:length])
        assert log_likelihoods[length - 1] == pytest.approx(score, rel=1e-10)
        # on its last row nothing comes later, so smoothed is filtered
        np.testing.assert_allclose(probabilities[length - 1], smoothed[-1], rtol=1e-8, atol=1e-12)


def test_planted_regimes_are_found_and_better_than_the_newest_observation_alone_would() -> None:
    observations, regimes = planted(20_000, 2)

    probabilities, _ = filtered(MODEL, observations)

    told = (probabilities.argmax(axis=1) == regimes).mean()
    alone = HiddenMarkov(
        columns=MODEL.columns,
        start=MODEL.start,
        transition=(MODEL.start,) * 3,
        means=MODEL.means,
        variances=MODEL.variances,
    )
    assert told > 0.85
    assert told > (filtered(alone, observations)[0].argmax(axis=1) == regimes).mean() + 0.05
    # probabilities are honest: what is said with 80 to 90 % holds that often
    calm = probabilities[:, 0]
    said = (calm > 0.8) & (calm < 0.9)
    assert said.sum() > 300
    assert (regimes[said] == 0).mean() == pytest.approx(0.85, abs=0.05)


@given(cut=st.integers(1, 199), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_row_is_the_same_whatever_comes_later(cut: int, seed: int) -> None:
    observations, _ = planted(200, 3)
    changed = observations.copy()
    changed[cut:] = np.random.default_rng(seed).normal(0.0, 5.0, changed[cut:].shape)

    whole, likelihoods = filtered(MODEL, observations)
    other, other_likelihoods = filtered(MODEL, changed)

    np.testing.assert_array_equal(whole[:cut], other[:cut])
    np.testing.assert_array_equal(likelihoods[:cut], other_likelihoods[:cut])


def test_stream_is_batch_to_the_bit() -> None:
    observations, _ = planted(300, 4)
    observations[50, 1] = np.nan
    probabilities, log_likelihoods = filtered(MODEL, observations)

    stream = RegimeFilter(MODEL)
    for _ in range(2):
        for row, observation in enumerate(observations):
            np.testing.assert_array_equal(stream.step(observation), probabilities[row])
            assert stream.log_likelihood == log_likelihoods[row]
        stream.reset()
    assert stream.log_likelihood == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_an_observation_that_is_no_number_gives_nan_and_leaves_no_trace(bad: float) -> None:
    observations, _ = planted(100, 5)
    spoiled = np.insert(observations, 40, [bad, 0.0], axis=0)

    probabilities, log_likelihoods = filtered(MODEL, spoiled)

    assert np.isnan(probabilities[40]).all()
    kept = np.arange(101) != 40
    expected, expected_likelihoods = filtered(MODEL, observations)
    np.testing.assert_array_equal(probabilities[kept], expected)
    np.testing.assert_array_equal(log_likelihoods[kept], expected_likelihoods)


def test_an_observation_far_from_every_regime_still_tells_them_apart() -> None:
    probabilities, log_likelihoods = filtered(MODEL, np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 0.0]]))

    assert np.isfinite(probabilities).all()
    assert np.isfinite(log_likelihoods).all()
    assert probabilities[1, 2] == pytest.approx(1.0)  # the widest is the least unlikely


def test_a_model_is_plain_arrays_in_json_and_comes_back_as_it_was() -> None:
    raw = msgspec.json.encode(MODEL)

    assert json.loads(raw)["transition"] == [[0.95, 0.04, 0.01], [0.1, 0.85, 0.05], [0.0, 0.2, 0.8]]
    assert msgspec.json.decode(raw, type=HiddenMarkov) == MODEL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": (0.5, 0.5, 0.1)}, "start must be probabilities"),
        ({"transition": ((1.0, 0.0, 0.0), (0.5, 0.6, -0.1), (0.0, 0.0, 1.0))}, "transition row 1"),
        ({"transition": ((1.0,), (1.0,), (1.0,))}, "transition must be 3 rows of 3"),
        ({"means": ((0.0, 0.0),)}, "means must be 3 rows of 2"),
        ({"variances": ((0.0, 1.0),) * 3}, "variances must be finite and above 0"),
        ({"means": ((float("nan"), 0.0),) * 3}, "means must be finite"),
        ({"start": (), "transition": (), "means": (), "variances": ()}, "at least one regime"),
    ],
)
def test_a_model_that_is_none_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(MODEL, **change)


def test_observations_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        filtered(MODEL, np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        RegimeFilter(MODEL).step(np.zeros(3))
