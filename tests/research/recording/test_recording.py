"""Recordings give back bit for bit what was put in, survive a kill, and name damage."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nautilus_trader.model.data import (
    Bar,
    BarType,
    BookOrder,
    CustomData,
    FundingRateUpdate,
    MarkPriceUpdate,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TradeId
from nautilus_trader.model.objects import Price, Quantity

from catalog.marks import MarkBar
from catalog.marks import as_engine_data as wrap_mark
from catalog.spec_files import shipped_spec
from errors import QualityError
from research.recording.account import AccountState
from research.recording.codec import decode, encode, stamped
from research.recording.frames import MAGIC, Frames, FrameWriter
from research.recording.heartbeat import Heartbeat
from research.recording.heartbeat import as_engine_data as wrap_heartbeat
from research.recording.opening import Opening
from research.recording.recording import End, Header, Recording, RecordingWriter
from risk.ask import Ask, Verb
from risk.modes.start import StartDecision
from risk.modes.table import Mode
from risk.operations import OperatorCommand
from risk.operations import as_engine_data as wrap_command

BTC = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
T0 = 1_700_000_000_000_000_000

precisions = st.integers(0, 16)
prices = st.builds(
    lambda digits, precision: Price.from_str(f"{Decimal(digits).scaleb(-precision):.{precision}f}"),
    st.integers(1, 10**12),
    precisions,
)
sizes = st.builds(
    lambda digits, precision: Quantity.from_str(f"{Decimal(digits).scaleb(-precision):.{precision}f}"),
    st.integers(0, 10**12),
    precisions,
)
times = st.tuples(st.integers(T0, T0 + 10**18), st.integers(0, 10**9)).map(lambda pair: (pair[0], sum(pair)))


def fields(data: Any) -> Any:
    """Everything an object holds, raw."""
    if isinstance(data, CustomData):
        return ("custom", str(data.data_type), fields(data.data))
    if isinstance(data, MarkBar):
        raws = [(price.raw, price.precision) for price in (data.open, data.high, data.low, data.close)]
        return (str(data.instrument_id), raws, data.ts_event, data.ts_init)
    if isinstance(data, OperatorCommand):
        return (data.ask, data.ts_event, data.ts_init)
    if isinstance(data, Heartbeat):
        return (data.ts_event, data.ts_init)
    if isinstance(data, OrderBookDeltas):
        return [fields(delta) for delta in data.deltas]
    if isinstance(data, FundingRateUpdate):
        return (FundingRateUpdate.to_dict(data), data.ts_init)
    return type(data).to_dict(data)


@st.composite
def quotes(draw: st.DrawFn) -> QuoteTick:
    bid, size, (event, init) = draw(prices), draw(sizes), draw(times)
    return QuoteTick(BTC, bid, Price.from_raw(bid.raw, bid.precision), size, size, event, init)


@st.composite
def trades(draw: st.DrawFn) -> TradeTick:
    size = draw(sizes.filter(lambda each: each.raw > 0))
    side = draw(st.sampled_from(list(AggressorSide)))
    return TradeTick(BTC, draw(prices), size, side, TradeId(f"T{draw(st.integers(0, 99))}"), *draw(times))


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    price = draw(prices)
    kind = BarType.from_str(f"{BTC}-5-MINUTE-LAST-EXTERNAL")
    return Bar(kind, price, price, price, price, draw(sizes), *draw(times))


@st.composite
def books(draw: st.DrawFn) -> OrderBookDeltas:
    event, init = draw(times)
    deltas = [OrderBookDelta.clear(BTC, draw(st.integers(0, 9)), event, init)]
    for number in range(draw(st.integers(0, 4))):
        side = draw(st.sampled_from([OrderSide.BUY, OrderSide.SELL]))
        size = draw(sizes.filter(lambda each: each.raw > 0))
        order = BookOrder(side, draw(prices), size, number)
        action = draw(st.sampled_from([BookAction.ADD, BookAction.UPDATE, BookAction.DELETE]))
        deltas.append(OrderBookDelta(BTC, action, order, draw(st.sampled_from([0, 32, 128])), number, event, init))
    return OrderBookDeltas(BTC, deltas)


@st.composite
def others(draw: st.DrawFn) -> Any:
    price, (event, init) = draw(prices), draw(times)
    rate = Decimal(draw(st.integers(-(10**6), 10**6))).scaleb(-8)
    ask = Ask(
        id=draw(st.text(max_size=8)),
        verb=draw(st.sampled_from(list(Verb))),
        operator="anna",
        role="supervisor",
        reason=draw(st.text(max_size=8)),
        arguments=draw(st.dictionaries(st.text(max_size=4), st.none() | st.booleans() | st.floats(0, 1), max_size=3)),
    )
    return draw(
        st.sampled_from(
            [
                MarkPriceUpdate(BTC, price, event, init),
                FundingRateUpdate(BTC, rate, event, init, interval=draw(st.none() | st.integers(1, 480))),
                wrap_mark(MarkBar(BTC, price, price, price, price, event, init)),
                wrap_command(OperatorCommand(ask, event, init)),
                wrap_heartbeat(Heartbeat(init)),
            ]
        )
    )


inputs = quotes() | trades() | bars() | books() | others()


@settings(max_examples=150, deadline=None)
@given(data=inputs)
def test_every_kind_comes_back_bit_for_bit(data: Any) -> None:
    assert fields(decode(encode(data))) == fields(data)


@settings(max_examples=100, deadline=None)
@given(data=inputs)
def test_a_new_stamp_changes_nothing_else(data: Any) -> None:
    moved = stamped(data, data.ts_init + 7, data.ts_event)

    assert moved.ts_init == data.ts_init + 7
    assert fields(stamped(moved, data.ts_init, data.ts_event)) == fields(data)


def test_a_kind_recordings_do_not_hold_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="can't hold InstrumentId"):
        encode(BTC)


def header(**changes: Any) -> Header:
    facts: dict[str, Any] = {
        "node": "n",
        "number": 1,
        "start_ns": T0,
        "code_version": "c",
        "engine_version": "e",
        "session": {"instruments": [BTC.value]},
        "specs": (),
        "account": AccountState(ts_ns=0, currency="USDT", cash="1.10", mode=Mode.MANUAL),
        "opening": Opening(start=StartDecision(Mode.MANUAL, "configured"), number=1),
    }
    return Header(**(facts | changes))


def recorded(path: Path, count: int = 5) -> list[Any]:
    beats = [wrap_heartbeat(Heartbeat(T0 + number)) for number in range(1, count + 1)]
    with RecordingWriter(path, header()) as writer:
        for beat in beats:
            writer.append(beat)
        writer.end(End(reason="over", inputs=count, decisions=0, decision_hash="0"))
    return beats


def test_a_recording_gives_back_header_inputs_and_end(tmp_path: Path) -> None:
    beats = recorded(tmp_path / "r")

    recording = Recording(tmp_path / "r")

    assert [fields(each) for each in recording.inputs()] == [fields(each) for each in beats]
    assert recording.header == header()
    assert recording.end is not None
    assert recording.end.inputs == 5
    assert recording.cut is None


def test_a_file_cut_at_any_length_gives_its_whole_frames_and_says_what_is_lost(tmp_path: Path) -> None:
    recorded(tmp_path / "r")
    whole = (tmp_path / "r").read_bytes()
    ends, position = [], len(MAGIC)
    for frame in Frames(tmp_path / "r"):
        position += 8 + len(frame)
        ends.append(position)

    for length in range(ends[0], len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        recording = Recording(tmp_path / "cut")
        kept = len(recording.inputs())
        complete = sum(end <= length for end in ends)
        assert kept == min(5, complete - 1)
        assert recording.end is None
        assert (recording.cut is None) == (length in ends)
        if recording.cut is not None:
            assert recording.cut.whole_bytes + recording.cut.lost_bytes == length
            assert recording.cut.whole_bytes == max(end for end in ends if end <= length)


def test_no_cut_before_the_first_input_is_taken_for_a_recording(tmp_path: Path) -> None:
    recorded(tmp_path / "r")
    whole = (tmp_path / "r").read_bytes()
    first = len(MAGIC) + 8 + len(next(iter(Frames(tmp_path / "r"))))

    for length in range(first):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(QualityError):
            Recording(tmp_path / "cut")


def test_every_flipped_byte_is_found_or_shortens_the_end(tmp_path: Path) -> None:
    """A flipped length may look like a frame that was cut off; nothing is ever read that was not written."""
    beats = [fields(beat) for beat in recorded(tmp_path / "r")]
    whole = bytearray((tmp_path / "r").read_bytes())

    for position in range(len(whole)):
        damaged = bytes(whole[:position]) + bytes([whole[position] ^ 0x5A]) + bytes(whole[position + 1 :])
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            recording = Recording(tmp_path / "damaged")
            kept = [fields(each) for each in recording.inputs()]
        except QualityError:
            continue
        assert recording.cut is not None
        assert recording.end is None
        assert kept == beats[: len(kept)]


def test_instruments_are_kept_and_an_existing_recording_is_never_overwritten(tmp_path: Path) -> None:
    recorded(tmp_path / "r")
    full = header(specs=(shipped_spec(BTC.value),))

    with pytest.raises(FileExistsError):
        RecordingWriter(tmp_path / "r", full)
    RecordingWriter(tmp_path / "other", full).close()
    assert Recording(tmp_path / "other").header == full


def test_inputs_out_of_order_are_damage(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r", header()) as writer:
        for ts_ns in (T0 + 2, T0 + 2):
            writer.append(wrap_heartbeat(Heartbeat(ts_ns)))

    with pytest.raises(QualityError, match="follows"):
        Recording(tmp_path / "r").inputs()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(st.binary(max_size=200), max_size=10))
def test_frames_come_back_whole(tmp_path: Path, payloads: list[bytes]) -> None:
    path = tmp_path / "frames"
    path.unlink(missing_ok=True)
    with FrameWriter(path) as writer:
        for payload in payloads:
            writer.append(payload)

    assert list(Frames(path)) == payloads
