"""Barriers: what they cover is refused with their own code, what only reduces passes, and one probe at a time."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.barriers import Barrier, Level, Source
from risk.intent import Action
from risk.limits import LimitsConfig
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.verdict import Approved, Basis, Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, ETH, LOT, NOW, buy, facts, filled, sell, sent, world

RULES = Ruleset(LimitsConfig())
OFF = {"enabled": False}
ALL_OFF = msgspec.convert(dict.fromkeys(LimitsConfig.__struct_fields__, OFF), LimitsConfig)


def barrier(level: Level, name: str, source: Source = Source.BREAKER, *, probing: bool = False) -> Barrier:
    return Barrier(source, level, name, "5 losses in a row", NOW, probing)


def behind(*barriers: Barrier, mode: Mode = Mode.FULL_AUTO) -> View:
    view = world(mode)
    view.set_facts(facts(ETH))
    view.apply_mark(ETH, 100.0, NOW)
    for source in Source:
        view.apply_barriers(source, [each for each in barriers if each.source is source])
    return view


def reason(verdict: Approved | Refusal) -> Reason | None:
    return verdict.reason if isinstance(verdict, Refusal) else None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source.BREAKER, Reason.CIRCUIT_BREAKER_OPEN),
        (Source.KILL_SWITCH, Reason.KILL_SWITCH_ENGAGED),
        (Source.STATE, Reason.STATE_NOT_DURABLE),
    ],
)
def test_each_source_refuses_with_its_own_code_and_names_itself(source: Source, expected: Reason) -> None:
    verdict = RULES.decide(buy(1.0), behind(barrier(Level.VENUE, "BINANCE", source)))

    assert verdict == Refusal(expected, detail="venue BINANCE: 5 losses in a row")


@pytest.mark.parametrize(
    ("level", "name", "covers"),
    [
        (Level.SYSTEM, "", True),
        (Level.VENUE, "BINANCE", True),
        (Level.VENUE, "BITFINEX", False),
        (Level.SYMBOL, BTC, True),
        (Level.SYMBOL, ETH, False),
        (Level.STRATEGY, "Trend-001", True),
        (Level.STRATEGY, "Trend-00", False),
        (Level.POSITION, f"Trend-001/{BTC}", True),
        (Level.POSITION, f"Trend-001/{ETH}", False),
        (Level.POSITION, f"Trend-002/{BTC}", False),
    ],
)
@pytest.mark.parametrize("source", Source)
def test_a_barrier_stops_what_it_covers_and_nothing_else(level: Level, name: str, covers: bool, source: Source) -> None:
    verdict = RULES.decide(buy(1.0), behind(barrier(level, name, source)))

    assert isinstance(verdict, Refusal) is covers


@given(st.permutations([barrier(Level.SYSTEM, "", source) for source in Source]))
def test_a_kill_switch_answers_before_anything_else_whatever_the_order(barriers: list[Barrier]) -> None:
    assert reason(RULES.decide(buy(1.0), behind(*barriers))) is Reason.KILL_SWITCH_ENGAGED


@pytest.mark.parametrize("source", Source)
def test_no_configuration_switches_barriers_off(source: Source) -> None:
    view = behind(barrier(Level.SYSTEM, "", source))

    assert reason(Ruleset(ALL_OFF).decide(buy(1.0), view)) is not None
    assert reason(Ruleset(ALL_OFF).decide(buy(1.0), behind())) is None


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("reduce_only", [True, False])
def test_what_reduces_passes_every_barrier(source: Source, reduce_only: bool) -> None:
    view = behind(barrier(Level.SYSTEM, "", source))
    view.apply_position(BTC, 1.0, 100.0)

    assert RULES.decide(sell(1.0, reduce_only=reduce_only), view) == Approved(Basis.REDUCES)
    assert isinstance(RULES.decide(sell(1.0 + 2 * LOT), view), Refusal) is True


def test_a_stop_of_an_entry_that_passed_before_the_barrier_still_passes() -> None:
    view = behind()
    entry = sent(view, buy(1.0))
    view.apply_barriers(Source.KILL_SWITCH, [barrier(Level.SYSTEM, "", Source.KILL_SWITCH)])
    stop = sell(1.0, trigger_price=96.0, reduce_only=True, parent_id=entry.client_order_id)

    assert RULES.decide(stop, view) == Approved(Basis.PARENT)


def test_a_slice_of_an_entry_that_passed_before_the_barrier_does_not() -> None:
    view = behind()
    entry = sent(view, buy(1.0))
    view.apply_barriers(Source.KILL_SWITCH, [barrier(Level.SYSTEM, "", Source.KILL_SWITCH)])

    assert reason(RULES.decide(buy(0.5, parent_id=entry.client_order_id), view)) is Reason.KILL_SWITCH_ENGAGED


def test_the_mode_answers_before_the_barrier() -> None:
    view = behind(barrier(Level.SYSTEM, ""), mode=Mode.EMERGENCY)

    assert reason(RULES.decide(buy(1.0), view)) is Reason.MODE_FORBIDS


HALF_OPEN = barrier(Level.STRATEGY, "Trend-001", probing=True)


def test_a_half_open_breaker_lets_one_entry_work_at_a_time() -> None:
    view = behind(HALF_OPEN)
    first = buy(1.0, price=99.0, order_type="LIMIT")
    assert reason(RULES.decide(first, view)) is None
    sent(view, first)

    second = RULES.decide(buy(1.0, instrument=ETH), view)
    assert reason(second) is Reason.CIRCUIT_BREAKER_OPEN
    assert "half-open" in str(second)
    assert reason(RULES.decide(buy(1.0, strategy="Other-001"), view)) is None

    view.remove_working(first.client_order_id, unfilled=1.0)
    assert reason(RULES.decide(buy(1.0, instrument=ETH), view)) is None


def test_the_probe_may_be_changed_and_sliced_while_it_works() -> None:
    view = behind(HALF_OPEN)
    probe = sent(view, buy(1.0, price=99.0, order_type="LIMIT"))
    larger = msgspec.structs.replace(probe, quantity=2.0, action=Action.MODIFY)

    assert reason(RULES.decide(larger, view)) is None
    assert reason(RULES.decide(buy(0.5, parent_id=probe.client_order_id), view)) is None


def test_stops_at_work_are_no_probe() -> None:
    view = behind(HALF_OPEN)
    entry = sent(view, buy(1.0))
    sent(view, sell(1.0, trigger_price=96.0, reduce_only=True, parent_id=entry.client_order_id))
    filled(view, entry)

    assert reason(RULES.decide(buy(0.5), view)) is None


def test_an_entry_of_an_unknown_sender_counts_as_the_probe() -> None:
    view = behind(HALF_OPEN)
    view.apply_working("FOUND", ETH, 1.0, 99.0, reduce_only=False)

    assert reason(RULES.decide(buy(1.0), view)) is Reason.CIRCUIT_BREAKER_OPEN


def test_a_part_filled_probe_keeps_its_sender() -> None:
    view = behind(HALF_OPEN)
    probe = sent(view, buy(1.0, price=99.0, order_type="LIMIT", strategy="Other-001"))
    view.apply_working(probe.client_order_id, BTC, 0.5, 99.0, reduce_only=False)

    assert reason(RULES.decide(buy(1.0), view)) is None


@pytest.mark.parametrize("source", [Source.KILL_SWITCH, Source.STATE])
def test_a_probe_of_a_breaker_meets_the_other_barriers(source: Source) -> None:
    assert reason(RULES.decide(buy(1.0), behind(HALF_OPEN, barrier(Level.SYMBOL, BTC, source)))) is not None
