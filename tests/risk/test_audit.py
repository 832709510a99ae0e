"""The audit chain: every tampering is found, and the record where it happened is named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from errors import PreconditionError
from risk.audit import GENESIS, AuditLog, Head, HeadFile, check_line, read_heads, resume, verify

RECORDS = 40
MANY = 1_000


@pytest.fixture
def chain(tmp_path: Path) -> tuple[Path, str]:
    buffer = io.BytesIO()
    log = AuditLog(buffer)
    for index in range(RECORDS):
        log.append(1_000 + index, "FUNDING", {"instrument": "BTCUSDT-PERP.BINANCE", "amount": index * 0.25})
    path = tmp_path / "audit.jsonl"
    path.write_bytes(buffer.getvalue())
    return path, log.head


def test_an_untouched_chain_holds(chain: tuple[Path, str]) -> None:
    path, head = chain
    assert verify(path, head) is None


def test_every_flipped_byte_is_found_in_its_record(chain: tuple[Path, str]) -> None:
    path, head = chain
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        line = content[:position].count(b"\n") + 1
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        found = verify(path, head)
        assert found is not None, f"byte {position} flipped unnoticed"
        assert found.line in (line, line + 1)


@pytest.mark.parametrize("line", [0, 1, RECORDS // 2, RECORDS - 2])
def test_dropped_swapped_and_inserted_records_are_found(chain: tuple[Path, str], line: int) -> None:
    path, head = chain
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in (
        lines[:line] + lines[line + 1 :],
        [*lines[:line], lines[line + 1], lines[line], *lines[line + 2 :]],
        [*lines[:line], lines[line], *lines[line:]],
    ):
        path.write_bytes(b"".join(changed))
        found = verify(path, head)
        assert found is not None
        assert found.line in (line + 1, line + 2)


def test_truncation_is_found_only_with_the_published_head(chain: tuple[Path, str]) -> None:
    path, head = chain
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]))

    assert verify(path) is None
    found = verify(path, head)
    assert found is not None
    assert "before the published head" in found.problem


@pytest.fixture(scope="module")
def long_chain() -> tuple[list[bytes], list[str], list[Head]]:
    """Lines of 1,000 records, the hash before each, and the heads published on the way."""
    buffer = io.BytesIO()
    heads: list[Head] = []
    log = AuditLog(buffer, publish=heads.append, publish_every=100)
    before = []
    for index in range(MANY):
        before.append(log.head)
        kind = ("DECISION", "FILL", "MODE", "APPROVAL")[index % 4]
        log.append(1_700_000_000_000_000_000 + index, kind, {"client_order_id": f"O-{index}", "price": index * 0.25})
    return buffer.getvalue().splitlines(keepends=True), before, heads


def test_each_flipped_byte_of_1000_records_is_found_in_its_record(
    long_chain: tuple[list[bytes], list[str], list[Head]],
) -> None:
    lines, before, _ = long_chain
    flips = 0
    for number, line in enumerate(lines):
        for position in range(len(line)):
            changed = line[:position] + bytes([line[position] ^ (1 << (number + position) % 8)]) + line[position + 1 :]
            flips += 1
            assert isinstance(check_line(changed, before[number], number), str), (number, position)
    assert flips == sum(map(len, lines)) > 200_000


@pytest.mark.parametrize("harm", ["dropped", "swapped", "inserted"])
def test_each_harmed_record_of_1000_is_named(long_chain: tuple[list[bytes], list[str], list[Head]], harm: str) -> None:
    lines, before, _ = long_chain
    for number in range(MANY - 1):
        # all before the harm is untouched, so the check begins where it happened
        rest = {
            "dropped": lines[number + 1],
            "swapped": lines[number + 1],
            "inserted": lines[(number * 7 + 1) % MANY if (number * 7 + 1) % MANY != number else 0],
        }[harm]
        if rest != lines[number]:
            assert isinstance(check_line(rest, before[number], number), str), number


def test_each_truncation_of_1000_records_is_named(
    tmp_path: Path, long_chain: tuple[list[bytes], list[str], list[Head]]
) -> None:
    lines, _, heads = long_chain
    path = tmp_path / "audit.jsonl"
    for kept in range(0, MANY, 9):
        path.write_bytes(b"".join(lines[:kept]))
        found = verify(path, heads=heads)
        assert found is not None
        assert found.line == kept + 1


def test_a_chain_written_anew_from_the_middle_is_found_by_the_published_heads(
    tmp_path: Path, long_chain: tuple[list[bytes], list[str], list[Head]]
) -> None:
    lines, before, heads = long_chain
    forged = io.BytesIO()
    log = AuditLog(forged, after=Head(450, before[450]))
    for index in range(450, MANY):
        log.append(1_700_000_000_000_000_000 + index, "FILL", {"client_order_id": "forged", "price": 1.0})
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(lines[:450]) + forged.getvalue())

    assert verify(path) is None
    found = verify(path, heads=heads)
    assert found is not None
    assert found.line == 500


def test_heads_are_kept_in_a_file_of_their_own(tmp_path: Path) -> None:
    heads = HeadFile(tmp_path / "heads")
    log = AuditLog(publish=heads, publish_every=2)
    for index in range(5):
        log.append(index, "MODE", {})
    log.publish_now()
    heads.close()
    assert [head.count for head in read_heads(tmp_path / "heads")] == [2, 4, 5]


def test_a_log_goes_on_after_a_restart_without_its_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with path.open("wb") as file:
        log = AuditLog(file)
        for index in range(3):
            log.append(index, "MODE", {})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"data":{},"ha')

    head, torn = resume(path)
    with path.open("ab") as file:
        AuditLog(file, after=head).append(9, "SESSION_START", {})

    assert torn == 14
    assert verify(path) is None
    assert path.read_bytes().startswith(whole)


def test_resuming_refuses_a_broken_or_missing_log(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert resume(path) == (Head(0, GENESIS), 0)
    with pytest.raises(PreconditionError, match="3 of its records were published"):
        resume(path, [Head(3, "f" * 64)])
    path.write_bytes(b"{}\n")
    with pytest.raises(PreconditionError, match="record 1"):
        resume(path)
