"""The audit chain: every tampering is found, and the record where it happened is named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from risk.audit import AuditLog, verify

RECORDS = 40


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
