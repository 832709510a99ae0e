"""Kernels that each break one promise, for the tests that such a kernel is caught."""

from __future__ import annotations

import math

import numpy as np

from strategies.features.kernel import CLOSE, Feature, Output
from strategies.features.registry import BoundFeature, bind_unchecked


def looks_ahead(ts_ns, bar, params, state, out):
    # once a bar is known, its close goes into the row before: the batch then holds tomorrow's price today
    out[0] = bar[CLOSE]
    if state[0] > 0.0:
        out[-1] = bar[CLOSE]
    state[0] = 1.0


def reads_past_the_bar(ts_ns, bar, params, state, out):
    out[0] = bar[CLOSE] + bar[5]


def overruns_its_state(ts_ns, bar, params, state, out):
    state[1] = 1.0
    out[0] = bar[CLOSE]


def allocates(ts_ns, bar, params, state, out):
    scratch = np.zeros(int(bar[CLOSE]) + 8)
    scratch[3] = bar[CLOSE]
    out[0] = scratch[3]


def forgets_an_output(ts_ns, bar, params, state, out):
    if bar[CLOSE] > 100.0:
        out[0] = bar[CLOSE]


def speaks_too_early(ts_ns, bar, params, state, out):
    out[0] = bar[CLOSE]


def stays_silent(ts_ns, bar, params, state, out):
    out[0] = math.nan


def grows_without_bound(ts_ns, bar, params, state, out):
    state[0] = 2.0 * state[0] * state[0] + bar[CLOSE]
    out[0] = state[0]


def remembers_between_runs(ts_ns, bar, params, state, out):
    params[0] += 1.0
    out[0] = params[0]


def bound(kernel: object, *, warmup: int = 1) -> BoundFeature:
    """Return a feature that is not registered, of one output and one place of state."""
    name = kernel.__name__
    feature = Feature(
        name=name,
        family="broken",
        summary=name,
        formula="",
        params=(),
        outputs=(Output("", ""),),
        warmup=lambda _: (warmup,),
        state_size=lambda _: 1,
        kernel=kernel,
        flat="",
        source="",
        compared="",
        differences="",
    )
    return bind_unchecked(feature, {})
