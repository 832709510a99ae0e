"""State in etcd, and the fence: a node that no longer owns the key cannot write, whatever it believes."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import msgspec

from errors import PreconditionError
from risk.state.failure import FencedError, StateError
from risk.state.store import Corrupt, Finding, Missing, StateRecord, Unreachable, pack, refuse_older, unpack_finding


class EtcdConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Where etcd answers.

    Parameters
    ----------
    prefix : str
        Of the two keys, ``owner`` and ``state``; one for each node and its stand-ins.
    timeout_s : float
        Of each connection and each answer.
    ca_path, certificate_path, key_path : str or None
        Files for TLS, needed where `protocol` is https.

    """

    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2379
    protocol: Annotated[str, msgspec.Meta(pattern="^https?$")] = "http"
    prefix: Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9._/-]{1,200}$")] = "/bot4"
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 0.5
    ca_path: str | None = None
    certificate_path: str | None = None
    key_path: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate_path is None) != (self.key_path is None):
            raise ValueError("certificate_path and key_path go together")


class EtcdStore:
    """
    Keep the state under one key, written only while another key is still as this node left it.

    The node that claims the owner key notes its revision; each save is a transaction that compares it, so that a
    node which was stopped, cut off or copied can never write over its successor. The state key's own revision is
    compared too: a write that timed out cannot arrive late over a newer one. Ownership has no lease on purpose: a
    lease would lapse in a long stall of etcd itself, and Bot4 has no automatic stand-in that could use it.

    Parameters
    ----------
    config : EtcdConfig
        Where etcd answers.
    node : str
        Who claims. The same name may claim again after a crash, for it also had to lock its state folder.

    """

    name = "etcd"

    def __init__(self, config: EtcdConfig, node: str) -> None:
        from etcd3gw.client import Etcd3Client

        self._client = Etcd3Client(
            host=config.host,
            port=config.port,
            protocol=config.protocol,
            ca_cert=config.ca_path,
            cert_cert=config.certificate_path,
            cert_key=config.key_path,
            timeout=config.timeout_s,
            api_path="/v3/",
        )
        self._node = node
        self._owner_key = f"{config.prefix}/owner"
        self._state_key = f"{config.prefix}/state"
        self._ownership: int | None = None
        self._state_revision: int | None = None
        self._epoch = -1

    def claim(self, *, take_over: bool = False) -> None:
        """
        Become the one node that may write.

        Raises
        ------
        PreconditionError
            If another node owns the state, unless `take_over`: then that node is fenced out.
        StateError
            If etcd does not answer.

        """
        revision = 0
        while True:
            answer = self._transact(
                [_compare(self._owner_key, revision)],
                [_put(self._owner_key, self._node.encode())],
                [{"request_range": {"key": _text(self._owner_key)}}],
            )
            if answer.get("succeeded"):
                self._ownership = int(answer["header"]["revision"])
                return
            owner, seen = _pair(answer["responses"][0]["response_range"])
            # a second refusal after a look means that another node claimed between the two
            if revision or not (take_over or owner == self._node.encode()):
                other = owner.decode(errors="replace")
                raise PreconditionError(f"etcd {self._owner_key}: node {other!r} owns this state, not {self._node!r}")
            revision = seen

    def load(self) -> Finding:
        """Return what etcd holds."""
        try:
            data, revision = self._read()
        except StateError as error:
            return Unreachable(str(error))
        self._state_revision = revision
        if revision == 0:
            return Missing()
        finding = unpack_finding(data)
        if not isinstance(finding, Corrupt):
            self._epoch = finding.record.epoch
        return finding

    def save(self, record: StateRecord) -> None:
        """Return when etcd's majority has `record`; raise `FencedError` where another node owns the state."""
        if self._ownership is None:
            self._claim_late()
        if self._state_revision is None and isinstance(finding := self.load(), Unreachable):
            raise StateError(finding.reason)
        refuse_older(self.name, record, self._epoch)
        compared = [
            _compare(self._owner_key, self._ownership or 0),
            _compare(self._state_key, self._state_revision or 0),
        ]
        # until an answer comes nobody knows whether this write took place
        self._state_revision = None
        answer = self._transact(
            compared, [_put(self._state_key, pack(record))], [{"request_range": {"key": _text(self._owner_key)}}]
        )
        if answer.get("succeeded"):
            self._state_revision, self._epoch = int(answer["header"]["revision"]), record.epoch
            return
        owner, revision = _pair(answer["responses"][0]["response_range"])
        if revision != self._ownership:
            raise FencedError(f"etcd: node {owner.decode(errors='replace')!r} has taken over from {self._node!r}")
        raise StateError("etcd: an earlier write arrived late; this one must be tried again")

    def close(self) -> None:
        """Close the connections; the ownership stays."""
        self._client.session.close()

    def _claim_late(self) -> None:
        try:
            self.claim()
        except PreconditionError as error:
            raise FencedError(str(error)) from error

    def _read(self) -> tuple[bytes, int]:
        answer = self._transact([], [{"request_range": {"key": _text(self._state_key)}}], [])
        return _pair(answer["responses"][0]["response_range"])

    def _transact(self, compare: list[Any], success: list[Any], failure: list[Any]) -> dict[str, Any]:
        from etcd3gw.exceptions import Etcd3Exception

        try:
            answer = self._client.transaction({"compare": compare, "success": success, "failure": failure})
            return dict(answer)
        except Etcd3Exception as error:
            detail = error.detail_text or str(error) or type(error).__name__
            raise StateError(f"etcd: {type(error).__name__}: {detail.strip()[:200]}") from error
        except (OSError, ValueError) as error:  # what requests raises, and an answer that is no JSON
            raise StateError(f"etcd: {type(error).__name__}: {str(error)[:200]}") from error


def _text(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def _compare(key: str, revision: int) -> dict[str, Any]:
    """Hold if the key was last changed at `revision`; 0 for a key that is not there."""
    return {"key": _text(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision}


def _put(key: str, value: bytes) -> dict[str, Any]:
    return {"request_put": {"key": _text(key), "value": _text(value)}}


def _pair(answer: dict[str, Any]) -> tuple[bytes, int]:
    """Return value and revision of the one key asked for; revision 0 where it is not there."""
    kvs = answer.get("kvs", [])
    if not kvs:
        return b"", 0
    return base64.b64decode(kvs[0].get("value", "")), int(kvs[0]["mod_revision"])
