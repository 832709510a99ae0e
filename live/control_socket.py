"""The local way to a running node: a socket in its folder, one JSON object a line, a command or a question."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from errors import Bot4Error, PreconditionError
from risk.ask import Ask

SOCKET_NAME: Final = "control.sock"
POINTER_NAME: Final = "control.path"

_PATH_BYTES_MAX: Final = 100
_LINE_MAX: Final = 1 << 16


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a line may say: exactly one of a command for the sequence of inputs, and the name of a question."""

    ask: Ask | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        if (self.ask is None) == (self.query is None):
            raise ValueError("a line holds either ask or query")


class ControlSocket:
    """
    Serve a node's folder.

    Only the node's own user reaches the socket. Calls are served one after another on the node's loop, so a command
    has had its whole effect when its answer goes out.

    Parameters
    ----------
    folder : Path
        The node's; only one process may serve it.
    carry_out : callable
        Takes a command into the sequence and returns what became of it.
    queries : dict of str to callable
        Read-only questions by name; each returns plain data.

    """

    def __init__(self, folder: Path, carry_out: Callable[[Ask], str], queries: dict[str, Callable[[], Any]]) -> None:
        self._folder = folder
        self._carry_out = carry_out
        self._queries = queries
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()
        self._path = folder / SOCKET_NAME
        self._temporary: Path | None = None

    async def open(self) -> None:
        """Listen."""
        pointer = self._folder / POINTER_NAME
        pointer.unlink(missing_ok=True)
        if len(os.fsencode(self._path.absolute())) > _PATH_BYTES_MAX:  # the system's limit for socket addresses
            self._temporary = Path(tempfile.mkdtemp(prefix="bot4-"))
            self._path = self._temporary / SOCKET_NAME
            pointer.write_text(str(self._path), encoding="utf-8")
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path=str(self._path), limit=_LINE_MAX)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop listening, and remove what pointed here."""
        if self._server is not None:
            self._server.close()
            for caller in list(self._callers):
                caller.close()
            self._server = None
        self._path.unlink(missing_ok=True)
        (self._folder / POINTER_NAME).unlink(missing_ok=True)
        if self._temporary is not None:
            self._temporary.rmdir()
            self._temporary = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(self._answer(line)) + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError):
            pass  # a line beyond the limit, or a caller that went away
        finally:
            self._callers.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            call = msgspec.json.decode(line, type=Call)
        except msgspec.DecodeError as error:
            return {"error": f"not understood: {error}"}
        if call.ask is not None:
            return {"answer": self._carry_out(call.ask)}
        query = self._queries.get(call.query or "")
        if query is None:
            return {"error": f"query must be one of {', '.join(sorted(self._queries))}, was {call.query!r}"}
        return {"result": query()}


def ask(folder: Path, command: Ask, timeout_s: float = 10.0) -> str:
    """
    Send a command to the node of a folder, and wait until it has been carried out.

    Returns
    -------
    str
        ``DONE``, with a detail perhaps, or ``REFUSED`` and why.

    Raises
    ------
    PreconditionError
        If no node runs there.
    Bot4Error
        If it does not answer in time, or not what it should.

    """
    answer = _call(folder, {"ask": msgspec.to_builtins(command)}, timeout_s).get("answer")
    return str(answer)


def query(folder: Path, name: str, timeout_s: float = 10.0) -> Any:
    """Ask the node of a folder a question, such as ``status``; the errors are those of `ask`."""
    return _call(folder, {"query": name}, timeout_s).get("result")


def _call(folder: Path, call: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    pointer = folder / POINTER_NAME
    path = Path(pointer.read_text(encoding="utf-8")) if pointer.exists() else folder / SOCKET_NAME
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.settimeout(timeout_s)
            caller.connect(str(path))
            caller.sendall(msgspec.json.encode(call) + b"\n")
            with caller.makefile("rb") as answers:
                line = answers.readline()
    except (FileNotFoundError, ConnectionRefusedError):
        raise PreconditionError(f"no node is running in {folder}") from None
    except OSError as error:
        raise Bot4Error(f"the node in {folder} does not answer: {error}") from None
    if not line:
        raise Bot4Error(f"the node in {folder} went away before it answered; its status says what was done")
    reply = msgspec.json.decode(line, type=dict[str, Any])
    if "error" in reply:
        raise Bot4Error(f"the node in {folder} refused the call: {reply['error']}")
    return reply
