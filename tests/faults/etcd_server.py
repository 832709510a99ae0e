"""A real etcd on free loopback ports, in a folder of its own, that tests may kill, stop and start again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from risk.state.etcd_store import EtcdConfig


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EtcdServer:
    """One etcd process."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder
        self.port, self._peer_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def config(self, prefix: str, timeout_s: float = 1.0) -> EtcdConfig:
        return EtcdConfig(port=self.port, prefix=prefix, timeout_s=timeout_s)

    def start(self) -> None:
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self._peer_port}"
        self._process = subprocess.Popen(
            [
                *(self._binary, "--data-dir", str(self._folder), "--name", "one", "--logger", "zap"),
                *("--listen-client-urls", client, "--advertise-client-urls", client),
                *(
                    "--listen-peer-urls",
                    peer,
                    "--initial-advertise-peer-urls",
                    peer,
                    "--initial-cluster",
                    f"one={peer}",
                ),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > until:
                self.kill()
                raise TimeoutError("etcd did not start within 20 s")
            time.sleep(0.05)

    def _answers(self) -> bool:
        from etcd3gw.client import Etcd3Client
        from etcd3gw.exceptions import Etcd3Exception

        try:
            return bool(Etcd3Client(port=self.port, timeout=1, api_path="/v3/").status().get("leader"))
        except (Etcd3Exception, OSError):
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process as a machine does that hangs: connections stay, nobody answers."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)
