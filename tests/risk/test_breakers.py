"""Circuit breakers: what opens them, what time and a probe do, and that nothing else closes them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import Bot4Error
from risk.audit import AuditLog
from risk.barriers import Barrier, Level
from risk.breaker_config import MEASURED, BreakerConfig, BreakersConfig, Cause
from risk.breakers import BreakerBoard, BreakersSnapshot
from risk.circuit import SYSTEM, Scope, State, position_scope
from risk.modes.table import POWERS, Mode
from tests.risk.world import BTC, ETH, NOW, SECOND

TREND, OTHER = "Trend-001", "Other-001"
POSITION = position_scope(TREND, BTC)
STRATEGY = Scope(Level.STRATEGY, TREND)
VENUE = Scope(Level.VENUE, "BINANCE")
ALL = (POSITION, STRATEGY, VENUE, SYSTEM)
EQUITY = 10_000.0
MINUTE = 60 * SECOND
COOLDOWN = 15 * MINUTE


def config(**changes: Any) -> BreakersConfig:
    each = BreakerConfig(**changes)
    return BreakersConfig(position=each, strategy=each, venue=each, system=each)


class Desk:
    """A board with what it publishes and stores."""

    def __init__(self, settings: BreakersConfig | None = None, mode: Mode = Mode.FULL_AUTO, **given: Any) -> None:
        self.shown: list[tuple[Barrier, ...]] = []
        self.stored: list[BreakersSnapshot] = []
        self.broken = False
        self.audit = AuditLog()
        self.board = BreakerBoard(
            settings or config(),
            powers=POWERS[mode],
            equity=EQUITY,
            audit=self.audit,
            publish=self.shown.append,
            persist=self.persist,
            **given,
        )

    def persist(self) -> None:
        if self.broken:
            raise Bot4Error("the store is gone")
        self.stored.append(self.board.snapshot())

    def lose(
        self, times: int, *, strategy: str = TREND, instrument: str = BTC, at: int = NOW, pnl: float = -1.0
    ) -> None:
        for _ in range(times):
            self.board.note_trade_closed(strategy, instrument, pnl, at)

    def state(self, scope: Scope) -> State:
        return self.board.circuit(scope).state

    def states(self) -> list[State]:
        return [self.state(scope) for scope in ALL]


def only(cause: Cause, **changes: Any) -> BreakersConfig:
    return config(causes=(cause,), **changes)


# -- losses in a row --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "losses"), [(Mode.MANUAL, 5), (Mode.SEMI_AUTO, 4), (Mode.FULL_AUTO, 5), (Mode.EMERGENCY, 5)]
)
def test_the_last_of_so_many_losses_in_a_row_opens_all_four_levels(mode: Mode, losses: int) -> None:
    desk = Desk(mode=mode)

    desk.lose(losses - 1)
    assert desk.states() == [State.CLOSED] * 4
    desk.lose(1)
    assert desk.states() == [State.OPEN] * 4
    assert desk.board.circuit(POSITION).cause is Cause.LOSSES


@pytest.mark.parametrize("pnl", [0.0, 1.0])
def test_a_trade_without_loss_ends_the_row(pnl: float) -> None:
    desk = Desk()
    desk.lose(4)
    desk.board.note_trade_closed(TREND, BTC, pnl, NOW)
    desk.lose(4)

    assert desk.states() == [State.CLOSED] * 4


def test_a_trade_of_unknown_result_is_a_loss() -> None:
    desk = Desk()
    desk.lose(5, pnl=math.nan)

    assert desk.states() == [State.OPEN] * 4
    assert math.isfinite(desk.board.circuit(POSITION).profit)


def test_levels_count_their_own_trades() -> None:
    desk = Desk()
    desk.lose(2)
    desk.lose(2, instrument=ETH)
    assert [desk.board.circuit(scope).losses for scope in ALL] == [2, 4, 4, 4]
    desk.board.note_trade_closed(OTHER, "BTCUSD.BITFINEX", 1.0, NOW)
    desk.lose(1)

    assert desk.states() == [State.CLOSED, State.OPEN, State.OPEN, State.CLOSED]


def test_semi_auto_acts_at_once_on_losses_counted_before() -> None:
    desk = Desk()
    desk.lose(4)
    desk.board.set_powers(POWERS[Mode.SEMI_AUTO], NOW)

    assert desk.states() == [State.OPEN] * 4


# -- drawdown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "share"), [(Mode.FULL_AUTO, 0.05), (Mode.SEMI_AUTO, 0.0375)])
def test_a_level_opens_when_its_trades_have_lost_a_share_of_the_equity_at_their_best(mode: Mode, share: float) -> None:
    desk = Desk(only(Cause.DRAWDOWN), mode)
    desk.board.note_equity(20_000.0, NOW)
    desk.board.note_trade_closed(TREND, BTC, 500.0, NOW)  # the best, at 20,000
    desk.board.note_equity(20_000.0 - 1.0, NOW)

    desk.lose(1, pnl=-share * 20_000.0 + 0.01)
    assert desk.state(POSITION) is State.CLOSED
    desk.lose(1, pnl=-0.02)
    assert desk.states() == [State.OPEN] * 3 + [State.CLOSED]


def test_the_system_opens_on_the_accounts_fall_from_its_highest_equity_without_any_trade() -> None:
    desk = Desk(only(Cause.DRAWDOWN))
    desk.board.note_equity(12_000.0, NOW)
    desk.board.note_equity(11_400.01, NOW)
    assert desk.state(SYSTEM) is State.CLOSED
    desk.board.note_equity(11_400.0, NOW)

    assert desk.state(SYSTEM) is State.OPEN
    assert desk.state(VENUE) is State.CLOSED


@settings(max_examples=200)
@given(st.lists(st.floats(9_000.0, 11_000.0), max_size=30), st.sampled_from([Mode.SEMI_AUTO, Mode.FULL_AUTO]))
def test_the_system_opens_at_the_first_equity_so_far_below_the_highest(equities: list[float], mode: Mode) -> None:
    desk = Desk(only(Cause.DRAWDOWN), mode)
    threshold = 0.05 * (0.75 if mode is Mode.SEMI_AUTO else 1.0)
    highest = EQUITY
    for equity in equities:
        desk.board.note_equity(equity, NOW)
        highest = max(highest, equity)
        assert desk.board.circuit(SYSTEM).profit == equity
        assert desk.board.circuit(SYSTEM).profit_peak == highest
        if (highest - equity) / highest >= threshold:
            assert desk.state(SYSTEM) is State.OPEN
            return
        assert desk.state(SYSTEM) is State.CLOSED


def test_an_unknown_equity_is_passed_over() -> None:
    desk = Desk()
    desk.board.note_equity(math.nan, NOW)

    assert desk.board.snapshot().equity == EQUITY
    assert desk.state(SYSTEM) is State.CLOSED


def test_a_used_up_account_opens_the_system() -> None:
    desk = Desk(only(Cause.DRAWDOWN, drawdown_max=1.0))
    desk.board.note_equity(-1.0, NOW)
    assert desk.state(SYSTEM) is State.OPEN

    desk.board.advance(NOW + COOLDOWN)
    desk.board.note_equity(-1.0, NOW + COOLDOWN)
    assert desk.state(SYSTEM) is State.OPEN


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_board_needs_an_equity_to_start_from(bad: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        BreakerBoard(config(), powers=POWERS[Mode.FULL_AUTO], equity=bad, audit=AuditLog())


# -- errors and latency -----------------------------------------------------------------------------------------------


def test_the_error_rate_counts_from_a_least_number_of_answers() -> None:
    desk = Desk()
    for _ in range(18):
        desk.board.note_ok(VENUE, NOW)
    desk.board.note_error(VENUE, NOW)
    assert desk.state(VENUE) is State.CLOSED
    desk.board.note_error(VENUE, NOW)  # 2 of 20

    assert desk.state(VENUE) is desk.state(SYSTEM) is State.OPEN
    assert desk.board.circuit(VENUE).cause is Cause.ERRORS
    assert desk.state(STRATEGY) is State.CLOSED


def test_errors_leave_the_window_with_time() -> None:
    desk = Desk(only(Cause.ERRORS, errors_window_s=60.0))
    for _ in range(19):
        desk.board.note_error(VENUE, NOW)
    for second in range(200):
        desk.board.note_ok(VENUE, NOW + MINUTE + SECOND * (1 + second))

    assert desk.state(VENUE) is State.CLOSED


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=80))
def test_the_error_rate_is_that_of_the_window(answers: list[tuple[int, bool]]) -> None:
    desk = Desk(only(Cause.ERRORS, errors_window_s=60.0, error_rate_max=0.5, errors_sample_min=5))
    now, seen = NOW, []
    for step_s, failed in answers:
        now += step_s * SECOND
        seen.append((now, failed))
        (desk.board.note_error if failed else desk.board.note_ok)(VENUE, now)
        recent = [bad for at, bad in seen if at >= now - 60 * SECOND]
        if len(recent) >= 5 and sum(recent) / len(recent) >= 0.5:
            assert desk.state(VENUE) is State.OPEN
            return
        assert desk.state(VENUE) is State.CLOSED


@pytest.mark.parametrize(("mode", "budget"), [(Mode.FULL_AUTO, 500.0), (Mode.SEMI_AUTO, 375.0)])
@pytest.mark.parametrize("above", [0.001, math.nan])
def test_a_latency_above_its_budget_opens_and_one_at_it_does_not(mode: Mode, budget: float, above: float) -> None:
    desk = Desk(mode=mode)
    desk.board.note_latency(SYSTEM, budget, NOW)
    assert desk.state(SYSTEM) is State.CLOSED
    desk.board.note_latency(SYSTEM, budget + above, NOW)

    assert desk.board.circuit(SYSTEM).cause is Cause.LATENCY


@pytest.mark.parametrize("cause", MEASURED)
def test_a_cause_that_does_not_count_opens_nothing(cause: Cause) -> None:
    desk = Desk(config(causes=tuple(each for each in MEASURED if each is not cause)))
    provoke = {
        Cause.LOSSES: lambda: desk.lose(20, pnl=-1.0),
        Cause.DRAWDOWN: lambda: (desk.lose(1, pnl=-2_000.0), desk.board.note_equity(8_000.0, NOW)),
        Cause.ERRORS: lambda: [desk.board.note_error(VENUE, NOW) for _ in range(30)],
        Cause.LATENCY: lambda: desk.board.note_latency(SYSTEM, 1e9, NOW),
    }
    provoke[cause]()

    assert desk.states() == [State.CLOSED] * 4


# -- open, half-open, closed ------------------------------------------------------------------------------------------


def half_open(cause: Cause = Cause.LOSSES, mode: Mode = Mode.FULL_AUTO) -> Desk:
    desk = Desk(only(cause), mode)
    if cause is Cause.LOSSES:
        desk.lose(5)
    elif cause is Cause.DRAWDOWN:
        desk.lose(1, pnl=-600.0)
    elif cause is Cause.ERRORS:
        for _ in range(20):
            desk.board.note_error(VENUE, NOW)
    else:
        desk.board.note_latency(VENUE, 501.0, NOW)
    desk.board.advance(NOW + COOLDOWN)
    assert desk.state(VENUE) is State.HALF_OPEN
    return desk


def test_a_breaker_is_half_open_when_its_cool_down_is_over_and_not_before() -> None:
    desk = Desk()
    desk.lose(5)
    assert desk.board.next_ns == NOW + COOLDOWN

    desk.board.advance(NOW + COOLDOWN - 1)
    assert {barrier.probing for barrier in desk.board.barriers()} == {False}
    desk.board.advance(NOW + COOLDOWN)
    assert {barrier.probing for barrier in desk.board.barriers()} == {True}
    assert desk.board.next_ns is None


def answer(desk: Desk, cause: Cause, good: bool, at: int) -> None:
    if cause in {Cause.LOSSES, Cause.DRAWDOWN}:
        desk.board.note_trade_closed(TREND, BTC, 1.0 if good else -1.0, at)
    elif cause is Cause.ERRORS:
        (desk.board.note_ok if good else desk.board.note_error)(VENUE, at)
    else:
        desk.board.note_latency(VENUE, 500.0 if good else 501.0, at)


@pytest.mark.parametrize("cause", MEASURED)
def test_a_good_probe_closes(cause: Cause) -> None:
    desk = half_open(cause)
    answer(desk, cause, True, NOW + COOLDOWN)

    assert desk.state(VENUE) is State.CLOSED
    assert desk.board.barriers() == ()
    assert desk.shown[-1] == ()


@pytest.mark.parametrize("cause", MEASURED)
def test_a_failed_probe_opens_again_for_twice_as_long(cause: Cause) -> None:
    desk = half_open(cause)
    answer(desk, cause, False, NOW + COOLDOWN)

    circuit = desk.board.circuit(VENUE)
    assert (circuit.state, circuit.cause, circuit.trips) == (State.OPEN, cause, 2)
    assert circuit.until_ns == NOW + COOLDOWN + 2 * COOLDOWN


def test_cool_downs_double_up_to_their_bound_and_start_over_after_a_quiet_time() -> None:
    desk = Desk(config(cooldown_s=100.0, cooldown_s_max=1_000.0, repeat_within_s=3_600.0))
    now, waits = NOW, []
    for _ in range(40):
        desk.lose(5, at=now)
        until = desk.board.circuit(STRATEGY).until_ns
        assert until is not None
        waits.append((until - now) // SECOND)
        now = until
        desk.board.advance(now)
    assert waits == [100, 200, 400, 800] + [1_000] * 36

    answer(desk, Cause.LOSSES, True, now)
    desk.lose(5, at=now + 3_600 * SECOND)
    assert desk.board.circuit(STRATEGY).trips == 41
    desk.board.advance(now + 10_000 * SECOND)
    answer(desk, Cause.LOSSES, True, now + 10_000 * SECOND)
    desk.lose(5, at=now + 13_600 * SECOND + 1)
    assert desk.board.circuit(STRATEGY).trips == 1


def test_what_closes_while_open_neither_counts_nor_closes() -> None:
    desk = Desk()
    desk.lose(5)
    before = desk.board.circuit(POSITION)
    desk.board.note_trade_closed(TREND, BTC, 100.0, NOW + SECOND)
    desk.lose(10, at=NOW + SECOND)

    after = desk.board.circuit(POSITION)
    assert (after.state, after.until_ns, after.trips, after.losses) == (State.OPEN, before.until_ns, 1, 0)


def test_a_drawdown_is_measured_anew_from_half_open() -> None:
    desk = Desk(only(Cause.DRAWDOWN))
    desk.board.note_equity(9_000.0, NOW)
    desk.board.advance(NOW + COOLDOWN)
    desk.board.note_equity(9_000.0, NOW + COOLDOWN)
    assert desk.state(SYSTEM) is State.HALF_OPEN
    desk.board.note_equity(8_550.0, NOW + COOLDOWN)

    assert desk.state(SYSTEM) is State.OPEN


def test_after_the_probe_is_filled_no_other_order_may_follow_until_its_trade_closes() -> None:
    desk = half_open()
    desk.board.note_opened(TREND, BTC, NOW + COOLDOWN)
    assert {barrier.probing for barrier in desk.board.barriers()} == {False}
    desk.board.note_opened(TREND, BTC, NOW + COOLDOWN)
    desk.board.note_trade_closed(TREND, BTC, 1.0, NOW + COOLDOWN + SECOND)

    assert desk.board.barriers() == ()


def test_a_trade_that_closes_does_not_answer_for_errors_but_frees_the_probe() -> None:
    desk = half_open(Cause.ERRORS)
    desk.board.note_opened(TREND, BTC, NOW + COOLDOWN)
    desk.board.note_trade_closed(TREND, BTC, 1.0, NOW + COOLDOWN)

    assert desk.state(VENUE) is State.HALF_OPEN
    assert desk.board.circuit(VENUE).probe_out is False
    assert {barrier.probing for barrier in desk.board.barriers()} == {True}


# -- people, modes, cascades ------------------------------------------------------------------------------------------


def test_what_was_ordered_stays_open_until_a_person_resets_it() -> None:
    desk = Desk()
    desk.board.trip(STRATEGY, "order flood", NOW)
    desk.board.trip(STRATEGY, "again", NOW + SECOND)
    desk.board.advance(NOW + 365 * 86_400 * SECOND)
    assert desk.board.circuit(STRATEGY).reason == "order flood"
    assert desk.state(STRATEGY) is State.OPEN

    assert desk.board.reset(STRATEGY, "op-7", "loop fixed", NOW + MINUTE)
    assert desk.state(STRATEGY) is State.CLOSED
    assert desk.board.circuit(STRATEGY).trips == 0
    assert desk.board.reset(STRATEGY, "op-7", "loop fixed", NOW + MINUTE) is False
    last = desk.audit.records[-1]
    assert (last.kind, last.data["to"], last.data["operator"], last.data["reason"]) == (
        "BREAKER", "closed", "op-7", "loop fixed",
    )  # fmt: skip


@pytest.mark.parametrize(("operator", "reason"), [("", "why"), (" ", "why"), ("op-7", ""), ("op-7", " ")])
def test_a_reset_needs_a_person_and_a_reason(operator: str, reason: str) -> None:
    desk = Desk()
    desk.board.trip(SYSTEM, "by hand", NOW)

    with pytest.raises(ValueError, match="operator and a reason"):
        desk.board.reset(SYSTEM, operator, reason, NOW)
    assert desk.state(SYSTEM) is State.OPEN


def test_emergency_bars_everything_and_leaves_each_breaker_as_it_was() -> None:
    desk = Desk()
    desk.board.trip(STRATEGY, "by hand", NOW)
    desk.board.set_powers(POWERS[Mode.EMERGENCY], NOW)
    assert [barrier.level for barrier in desk.board.barriers()] == [Level.SYSTEM, Level.STRATEGY]
    assert all(barrier.covers(TREND, BTC) for barrier in desk.board.barriers())

    desk.board.set_powers(POWERS[Mode.MANUAL], NOW)
    assert [barrier.level for barrier in desk.board.barriers()] == [Level.STRATEGY]


def test_one_event_is_no_cascade_though_it_opens_four_levels() -> None:
    desk = Desk()
    desk.lose(5)

    assert desk.states() == [State.OPEN] * 4
    assert desk.board.cascade_count(NOW) == 1


def test_a_cascade_counts_breakers_that_open_one_after_another_within_the_window() -> None:
    desk = Desk(only(Cause.LOSSES))
    for number in range(3):
        desk.lose(5, strategy=f"S-{number}", instrument=f"X{number}.V{number}", at=NOW + number * MINUTE)

    assert desk.board.cascade_count(NOW + 2 * MINUTE) == 3
    assert desk.board.cascade_count(NOW + 11 * MINUTE) == 2
    assert desk.board.cascade_count(NOW + 12 * MINUTE + 1) == 0


def test_every_change_is_audited_and_published_and_stored() -> None:
    desk = half_open()
    answer(desk, Cause.LOSSES, True, NOW + COOLDOWN)

    assert {(record.data["from"], record.data["to"]) for record in desk.audit.records} == {
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
    }
    assert len(desk.audit.records) == 12
    assert desk.stored[-1] == desk.board.snapshot()


# -- stores and restarts ----------------------------------------------------------------------------------------------


def test_a_breaker_opens_though_its_store_is_gone() -> None:
    desk = Desk()
    desk.broken = True
    desk.lose(4)
    with pytest.raises(Bot4Error):
        desk.lose(1)

    assert desk.states() == [State.OPEN] * 4
    assert len(desk.shown[-1]) == 4


@pytest.mark.parametrize("how", ["half-open", "close", "reset"])
def test_a_breaker_loosens_only_when_that_is_stored(how: str) -> None:
    desk = half_open() if how == "close" else Desk()
    if how != "close":
        desk.lose(5)
    before, shown = desk.states(), desk.board.barriers()
    desk.broken = True
    loosen = {
        "half-open": lambda: desk.board.advance(NOW + COOLDOWN),
        "close": lambda: desk.board.note_trade_closed(TREND, BTC, 1.0, NOW + COOLDOWN),
        "reset": lambda: desk.board.reset(SYSTEM, "op-7", "all is well", NOW),
    }[how]

    for _ in range(2):
        with pytest.raises(Bot4Error):
            loosen()
        assert desk.states() == before
        assert desk.board.barriers() == shown == desk.shown[-1]
    desk.broken = False
    loosen()
    assert desk.states() != before


events = st.lists(
    st.one_of(
        st.tuples(
            st.just("trade"),
            st.sampled_from([TREND, OTHER]),
            st.sampled_from([BTC, ETH]),
            st.sampled_from([-400.0, -1.0, -1.0, -1.0, 0.0, 2.0, math.nan]),
        ),
        st.tuples(st.just("wait"), st.sampled_from([1, 60, 900, 1_800, 86_400])),
        st.tuples(st.just("equity"), st.sampled_from([9_000.0, 9_600.0, 10_000.0, 11_000.0, math.nan])),
        st.tuples(st.just("opened"), st.sampled_from([TREND, OTHER]), st.sampled_from([BTC, ETH])),
        st.tuples(st.just("mode"), st.sampled_from(Mode)),
        st.tuples(st.just("trip"), st.sampled_from(ALL)),
        st.tuples(st.just("reset"), st.sampled_from(ALL)),
        st.tuples(st.just("latency"), st.sampled_from([100.0, 1_000.0])),
    ),
    max_size=60,
)


def tell(board: BreakerBoard, event: tuple[Any, ...], now: int) -> int:
    match event:
        case ("trade", strategy, instrument, pnl):
            board.note_trade_closed(strategy, instrument, pnl, now)
        case ("wait", seconds):
            now += seconds * SECOND
            board.advance(now)
        case ("equity", equity):
            board.note_equity(equity, now)
        case ("opened", strategy, instrument):
            board.note_opened(strategy, instrument, now)
        case ("mode", mode):
            board.set_powers(POWERS[mode], now)
        case ("trip", scope):
            board.trip(scope, "by hand", now)
        case ("reset", scope):
            board.reset(scope, "op-7", "checked", now)
        case ("latency", p99_us):
            board.note_latency(SYSTEM, p99_us, now)
    return now


@settings(max_examples=100)
@given(events, st.integers(0, 60))
def test_a_restart_changes_nothing(told: list[tuple[Any, ...]], cut: int) -> None:
    through, before = Desk(), Desk()
    now = NOW
    mode = Mode.FULL_AUTO
    for event in told[:cut]:
        tell(through.board, event, now)
        now = tell(before.board, event, now)
        mode = event[1] if event[0] == "mode" else mode
    stored = msgspec.json.encode(before.board.snapshot())
    after = Desk(mode=mode, restored=msgspec.json.decode(stored, type=BreakersSnapshot))
    after.board._multiplier = before.board._multiplier  # in Emergency a board keeps the thresholds it had
    assert after.board.barriers() == before.board.barriers()
    for event in told[cut:]:
        tell(through.board, event, now)
        now = tell(after.board, event, now)

    assert after.board.snapshot() == through.board.snapshot()
    assert after.board.barriers() == through.board.barriers()
    assert after.board.cascade_count(now) == through.board.cascade_count(now)


@settings(max_examples=100)
@given(events, st.data())
def test_no_failing_store_leaves_a_breaker_looser_than_it_was_last_stored(
    told: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    desk = Desk()
    now = NOW
    stored: dict[Scope, State] = {}
    for event in told:
        desk.broken = data.draw(st.booleans())
        try:
            now = tell(desk.board, event, now)
        except Bot4Error:
            now += event[1] * SECOND if event[0] == "wait" else 0
        if desk.stored:
            stored = {circuit.scope: circuit.state for circuit in desk.stored[-1].circuits}
        for scope, state in stored.items():
            assert desk.state(scope).rank >= state.rank
        shown = desk.board.barriers()
        assert desk.shown[-1] == shown if desk.shown else shown == ()
        assert set(shown) >= {circuit.barrier() for circuit in desk.board.snapshot().circuits} - {None}


@settings(max_examples=100)
@given(st.lists(st.sampled_from([-300.0, -1.0, 0.0, 5.0]), max_size=20))
def test_tighter_thresholds_never_open_later(results: list[float]) -> None:
    tight, wide = Desk(mode=Mode.SEMI_AUTO), Desk(mode=Mode.FULL_AUTO)
    for pnl in results:
        for desk in (tight, wide):
            desk.board.note_trade_closed(TREND, BTC, pnl, NOW)
        assert tight.state(POSITION).rank >= wide.state(POSITION).rank


def test_a_configuration_without_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="cooldown_s <= cooldown_s_max"):
        BreakerConfig(cooldown_s=10.0, cooldown_s_max=9.0)
    with pytest.raises(ValueError, match="ordered always counts"):
        BreakerConfig(causes=(Cause.ORDERED,))
