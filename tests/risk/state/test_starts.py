"""R9: the third start within five minutes is a crash loop, and no damage to the list hides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from risk.state.recovery import CRASH_LOOP_NS, crash_loop
from risk.state.starts import note_start

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("starts", "now", "looping"),
    [
        ([], 0, False),
        ([0], 1, False),
        ([0, 1], CRASH_LOOP_NS - 1, True),
        ([0, 1], CRASH_LOOP_NS, False),
        ([1, 2], CRASH_LOOP_NS, True),
        ([0, 0, 0, 0, 10], CRASH_LOOP_NS + 5, False),
        ([10 * SECOND, 20 * SECOND], 5 * SECOND, True),
    ],
)
def test_the_third_start_in_five_minutes_is_a_loop(starts: list[int], now: int, looping: bool) -> None:
    assert crash_loop(starts, now) is looping


def test_starts_are_kept_across_processes(tmp_path: Path) -> None:
    loops = [crash_loop(note_start(tmp_path, now), now) for now in (0, 60 * SECOND, 120 * SECOND, 900 * SECOND)]

    assert loops == [False, False, True, False]


def test_only_the_last_starts_are_kept(tmp_path: Path) -> None:
    for now in range(30):
        note_start(tmp_path, now)

    assert note_start(tmp_path, 30) == tuple(range(22, 30))


def test_a_damaged_list_counts_as_a_loop(tmp_path: Path) -> None:
    note_start(tmp_path, 0)
    data = (tmp_path / "starts").read_bytes()

    for at in range(0, len(data), 7):
        (tmp_path / "starts").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        now = 10 * CRASH_LOOP_NS
        assert crash_loop(note_start(tmp_path, now), now), at
        (tmp_path / "starts").write_bytes(data)
