"""Raw captures of Binance: hand-made lines, refusals, and the real sessions against the venue's own best prices."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from catalog.sources.captures import Capture, read_captures
from catalog.sources.refusal import RefusedFileError
from errors import ConfigError

DEPTH = (
    '{"stream":"x@depth@0ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"X","U":%d,"u":%d,"pu":%d,"b":[%s],"a":[%s]}}'
)
QUOTE = '{"stream":"x@bookTicker","data":{"u":7,"s":"X","b":"99.5","B":"2","a":"100.5","A":"3"}}'
TRADE = '{"stream":"x@trade","data":{"E":2,"T":1700000000123,"s":"X","t":1,"p":"100.5","q":"0.25","X":"%s","m":%s}}'
SNAPSHOT = '{"lastUpdateId":10,"bids":[["99.5","1"],["99.0","4"]],"asks":[["100.5","2"]]}'


def write(path: Path, *messages: str, first_ns: int = 1_700_000_000_500_000_001) -> Path:
    text = "".join(f"{first_ns + index} {message}\n" for index, message in enumerate(messages))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_a_session_is_read_line_by_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gz",
        DEPTH % (6, 9, 5, '["99.5","8"]', '["100.5","8"]'),
        QUOTE,
        SNAPSHOT,
        DEPTH % (10, 12, 9, '["99.5","0"]', '["100.4","1.5"]'),
        TRADE % ("MARKET", "true"),
        TRADE % ("MARKET", "false"),
        TRADE % ("INSURANCE_FUND", "false"),
    )

    capture = read_captures([path], levels=2)

    assert (capture.symbol, capture.breaks, capture.skipped_trades) == ("X", 0, 1)
    # whole nanoseconds: a float64 of this size would lose the last digits
    assert capture.trades.ts_ns.tolist() == [1_700_000_000_500_000_005, 1_700_000_000_500_000_006]
    assert capture.trades.event_ns.tolist() == [1_700_000_000_123_000_000] * 2
    assert capture.trades.price.tolist() == [100.5, 100.5]
    assert capture.trades.side.tolist() == [-1.0, 1.0]  # the buyer was the maker: a seller's trade
    assert [column.tolist() for column in capture.quotes[2:]] == [[99.5], [2.0], [100.5], [3.0]]
    assert capture.depth.update_id.tolist() == [9, 10, 12]
    assert capture.depth.in_sync.tolist() == [False, False, True]
    assert capture.depth.bid_price.tolist() == [[99.5, 0.0], [99.5, 99.0], [99.0, 0.0]]
    assert capture.depth.bid_size.tolist() == [[8.0, 0.0], [1.0, 4.0], [4.0, 0.0]]
    assert capture.depth.ask_price.tolist() == [[100.5, 0.0], [100.5, 0.0], [100.4, 100.5]]


def test_captures_follow_one_another_as_one_session(tmp_path: Path) -> None:
    first = write(tmp_path / "a", SNAPSHOT, DEPTH % (10, 12, 9, "", ""))
    second = write(tmp_path / "b", DEPTH % (13, 14, 12, "", ""), first_ns=1_700_000_001_000_000_000)

    assert read_captures([first, second]).depth.in_sync.tolist() == [False, True, True]
    # the second alone has no snapshot and no level
    assert len(read_captures([second]).depth) == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("what", "line 2: expected a receive time and JSON"),
        ("1700000000600000000 {", "line 2: Input data was truncated"),
        ("1700000000600000000 {}", "line 2: expected depth, bookTicker, trade or a snapshot"),
        ('1700000000600000000 {"stream":"x@kline_1m","data":{}}', "found 'x@kline_1m'"),
        (f"1700000000400000000 {QUOTE}", "before the line before it"),
        (f"1700000000600000000 {QUOTE.replace('X', 'Y')}", "expected one instrument, found X and Y"),
        (f"1700000000600000000 {QUOTE.replace('99.5', 'cheap')}", "line 2: "),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_by_its_number(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path / "bad", QUOTE)
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(RefusedFileError, match="bad, ") as refused:
        read_captures([path])

    assert reason in str(refused.value)


def test_a_file_that_is_cut_off_or_missing_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.gz", *[QUOTE] * 50)
    whole.write_bytes(whole.read_bytes()[:-12])
    for path in (whole, tmp_path / "missing.gz"):
        with pytest.raises(RefusedFileError, match="cannot be read"):
            read_captures([path])
    with pytest.raises(ConfigError, match="at least one"):
        read_captures([])


SESSIONS = {
    "usdm": ["binance_usdm/btcusdt_20240808.gz"],
    "coin-m": ["binance_cm/btcusd_perp_20240808.gz", "binance_cm/btcusd_perp_20240809.gz"],
    "spot": ["binance_spot/btcusdt_20240808.gz", "binance_spot/btcusdt_20240809.gz"],
}


@pytest.fixture(scope="module", params=list(SESSIONS))
def session(request: pytest.FixtureRequest, shared_data: Path) -> Capture:
    return read_captures([shared_data / "l2" / name for name in SESSIONS[request.param]])


def test_the_rebuilt_book_shows_the_best_prices_the_venue_sent(session: Capture) -> None:
    depth, quotes = session.depth, session.quotes
    synced = np.flatnonzero(depth.in_sync)
    assert session.breaks == 0
    # a second after the snapshot at most, and from then on
    assert (np.diff(synced) == 1).all()
    assert synced[-1] == len(depth) - 1
    assert len(synced) > 0.99 * len(depth)

    # the venue numbers states of the book: where both streams show the same one, they must agree to the last digit
    ids, at, beside = np.intersect1d(depth.update_id[synced], quotes.update_id, return_indices=True)
    rows = synced[at]
    assert len(ids) > 500
    for level, quoted in zip(depth[3:], quotes[2:], strict=True):
        np.testing.assert_array_equal(level[rows, 0], quoted[beside])


def test_the_rebuilt_book_is_in_order_and_never_crossed(session: Capture) -> None:
    depth = session.depth
    kept = depth.in_sync
    bids, asks = depth.bid_price[kept], depth.ask_price[kept]

    assert (bids[:, 0] < asks[:, 0]).all()
    assert (np.diff(bids, axis=1) < 0).all()
    assert (np.diff(asks, axis=1) > 0).all()
    assert (depth.bid_size[kept] > 0).all()


def test_trades_lie_within_the_range_of_the_quotes(session: Capture) -> None:
    low, high = session.quotes.bid_price.min(), session.quotes.ask_price.max()

    assert ((session.trades.price >= low) & (session.trades.price <= high)).all()
    assert set(session.trades.side.tolist()) == {-1.0, 1.0}
