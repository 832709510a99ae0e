"""Counters by mode: to the mode in force, over the right time, and no ratio of nothing."""

from __future__ import annotations

import pytest

from risk.modes.approvals import Outcome
from risk.modes.statistics import ModeStatistics, OperatorAction
from risk.modes.table import Mode
from tests.risk.modes.governed import SECOND, T0

M, S, F, E = Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO, Mode.EMERGENCY


def test_time_is_shared_out_among_the_modes() -> None:
    statistics = ModeStatistics(M, T0)
    statistics.note_mode(S, T0 + 10 * SECOND)
    statistics.note_mode(M, T0 + 25 * SECOND)

    first = statistics.figures(T0 + 30 * SECOND)
    again = statistics.figures(T0 + 30 * SECOND)

    assert [first[mode].seconds for mode in (M, S, F, E)] == [15.0, 15.0, 0.0, 0.0]
    assert first == again
    assert statistics.figures(T0)[M].seconds == 15.0  # a clock that goes back takes nothing away


def test_nothing_has_no_ratio() -> None:
    figures = ModeStatistics(M, T0).figures(T0)[M]

    ratios = (figures.operator_actions_per_minute, figures.approval_rate, figures.timeout_rate, figures.response_s_mean)
    assert ratios == (None,) * 4
    assert (figures.inference_us_mean, figures.inference_us_max, figures.decisions_per_second) == (None,) * 3


def test_actions_count_per_minute_and_overrides_by_themselves() -> None:
    statistics = ModeStatistics(M, T0)
    for action in (OperatorAction.MODE, OperatorAction.OVERRIDE, OperatorAction.OVERRIDE):
        statistics.note_action(action)

    figures = statistics.figures(T0 + 120 * SECOND)[M]

    assert (figures.operator_actions, figures.overrides) == (3, 2)
    assert figures.operator_actions_per_minute == pytest.approx(1.5)


def test_requests_end_where_they_began() -> None:
    statistics = ModeStatistics(S, T0)
    for _ in range(5):
        statistics.note_request()
    assert statistics.pending == 5
    statistics.note_outcome(Outcome.APPROVED, 4 * SECOND)
    statistics.note_outcome(Outcome.AMENDED, 6 * SECOND)
    statistics.note_outcome(Outcome.REJECTED, 8 * SECOND)
    statistics.note_outcome(Outcome.TIMEOUT, 30 * SECOND)
    statistics.note_mode(M, T0 + SECOND)
    statistics.note_outcome(Outcome.WITHDRAWN, SECOND)

    figures = statistics.figures(T0 + SECOND)

    assert statistics.pending == 0
    assert figures[S].requests == 5
    assert (figures[S].approval_rate, figures[S].timeout_rate) == (0.4, 0.2)
    assert figures[S].response_s_mean == pytest.approx(6.0)
    assert (figures[M].requests, figures[M].approval_rate) == (0, None)


def test_full_auto_has_its_decisions_inferences_and_results() -> None:
    statistics = ModeStatistics(F, T0)
    for took_ns in (2_000, 6_000):
        statistics.note_decision()
        statistics.note_inference(took_ns)
    statistics.note_realised(12.5)
    statistics.note_realised(-2.5)

    figures = statistics.figures(T0 + 4 * SECOND)[F]

    assert (figures.decisions, figures.inferences, figures.realised) == (2, 2, 10.0)
    assert figures.decisions_per_second == pytest.approx(0.5)
    assert (figures.inference_us_mean, figures.inference_us_max) == (4.0, 6.0)


def test_an_emergency_has_what_it_closed_and_how_long_it_took() -> None:
    statistics = ModeStatistics(F, T0)
    statistics.note_mode(E, T0 + SECOND)
    statistics.note_position_closed(1_000.0)
    statistics.note_position_closed(500.0)
    statistics.note_all_closed(T0 + 61 * SECOND)
    statistics.note_all_closed(T0 + 90 * SECOND)

    figures = statistics.figures(T0 + 100 * SECOND)[E]

    assert (figures.positions_closed, figures.risk_reduced, figures.closed_after_s) == (2, 1_500.0, 60.0)


def test_a_second_emergency_is_timed_anew() -> None:
    statistics = ModeStatistics(E, T0)
    statistics.note_all_closed(T0 + SECOND)
    statistics.note_mode(M, T0 + 2 * SECOND)
    statistics.note_mode(E, T0 + 3 * SECOND)
    assert statistics.figures(T0 + 4 * SECOND)[E].closed_after_s is None

    statistics.note_all_closed(T0 + 8 * SECOND)

    assert statistics.figures(T0 + 9 * SECOND)[E].closed_after_s == 5.0
