"""The control socket answers one line with one line, lets only the owner in, and survives bad callers."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from errors import Bot4Error, PreconditionError
from live.control_socket import POINTER_NAME, ControlSocket, ask, query
from risk.ask import Ask, Verb

COMMAND = Ask(id="1", verb=Verb.SET_MODE, operator="anna", role="supervisor", reason="test", arguments={"mode": "x"})


def served(folder: Path, callers: Callable[[], Any]) -> tuple[Any, list[Ask]]:
    """Serve a folder while `callers` runs in a thread of its own; return its result, and the commands that came."""
    taken: list[Ask] = []

    def carry_out(command: Ask) -> str:
        taken.append(command)
        return f"DONE {len(taken)}"

    async def main() -> Any:
        control = ControlSocket(folder, carry_out, {"status": lambda: {"mode": "Manual"}})
        await control.open()
        try:
            return await asyncio.to_thread(callers)
        finally:
            await control.close()

    return asyncio.run(main()), taken


def test_a_command_arrives_whole_and_its_answer_comes_back(tmp_path: Path) -> None:
    answer, taken = served(tmp_path, lambda: ask(tmp_path, COMMAND))

    assert answer == "DONE 1"
    assert taken == [COMMAND]


def test_a_question_changes_nothing(tmp_path: Path) -> None:
    answer, taken = served(tmp_path, lambda: query(tmp_path, "status"))

    assert answer == {"mode": "Manual"}
    assert taken == []


def test_an_unknown_question_is_refused_with_those_there_are(tmp_path: Path) -> None:
    def call() -> None:
        with pytest.raises(Bot4Error, match="must be one of status"):
            query(tmp_path, "secrets")

    served(tmp_path, call)


@pytest.mark.parametrize(
    "line",
    [b"\n", b"nonsense\n", b"{}\n", b'{"ask": {"id": "1"}}\n', b'{"ask": null, "query": "status", "more": 1}\n'],
)
def test_a_line_that_is_no_call_is_answered_with_an_error_and_carries_out_nothing(tmp_path: Path, line: bytes) -> None:
    def call() -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.connect(str(tmp_path / "control.sock"))
            caller.sendall(line)
            return caller.makefile("rb").readline()

    answer, taken = served(tmp_path, call)

    assert "error" in msgspec.json.decode(answer)
    assert taken == []


def test_an_endless_line_is_cut_off_and_the_next_caller_is_served(tmp_path: Path) -> None:
    def call() -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.settimeout(5)
            caller.connect(str(tmp_path / "control.sock"))
            try:
                caller.sendall(b"x" * 200_000)
                assert caller.recv(1) == b""
            except ConnectionError:
                pass
        return ask(tmp_path, COMMAND)

    answer, _ = served(tmp_path, call)

    assert answer == "DONE 1"


def test_only_the_owner_may_reach_it(tmp_path: Path) -> None:
    mode, _ = served(tmp_path, lambda: stat.S_IMODE((tmp_path / "control.sock").stat().st_mode))

    assert mode == 0o600


def test_a_folder_whose_path_is_too_long_for_a_socket_is_served_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)

    answer, _ = served(deep, lambda: ask(deep, COMMAND))

    assert answer == "DONE 1"
    assert not (deep / POINTER_NAME).exists()


def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="no node is running"):
        ask(tmp_path, COMMAND)


def test_a_socket_left_by_a_killed_node_is_nobody_and_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / "control.sock"))

    with pytest.raises(PreconditionError, match="no node is running"):
        ask(tmp_path, COMMAND)
    answer, _ = served(tmp_path, lambda: ask(tmp_path, COMMAND))
    assert answer == "DONE 1"
