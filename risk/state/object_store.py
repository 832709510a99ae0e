"""A copy of the state in an S3-compatible object store: for people and for a lost disk, never an authority."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec

from errors import ConfigError
from risk.state.failure import StateError
from risk.state.store import Corrupt, Finding, Missing, StateRecord, Unreachable, pack, refuse_older, unpack_finding

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Bucket


class ObjectStoreConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Where the copy goes.

    Parameters
    ----------
    url : str
        ``s3://bucket``, or ``file:///folder`` and ``memory:///`` for development.
    prefix : str
        Of the object's key; one for each node.
    endpoint, region : str or None
        Of the S3 service; None takes what S3 itself uses.
    access_key_variable, secret_key_variable : str
        Names of the environment variables that hold the keys, never the keys themselves.
    timeout_s : float
        Of each request.

    """

    url: Annotated[str, msgspec.Meta(pattern=r"^(s3|file|memory)://")]
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._/-]{0,200}$")] = "bot4"
    endpoint: str | None = None
    region: str | None = None
    access_key_variable: str = "BOT4_S3_ACCESS_KEY"
    secret_key_variable: str = "BOT4_S3_SECRET_KEY"  # noqa: S105 - the name of a variable
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0


class ObjectStore:
    """
    Keep the newest state as one object.

    Where the service can compare, a put replaces only the object last seen, so that a second writer is noticed.

    Parameters
    ----------
    bucket : obstore store
        From `open_bucket`.
    prefix : str
        Of the object's key.

    """

    name = "object store"

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._key = f"{prefix}/state" if prefix else "state"
        self._seen: str | None = None
        self._loaded = False
        self._compares = True
        self._epoch = -1

    def load(self) -> Finding:
        """Return what the object holds."""
        from obstore.exceptions import BaseError

        try:
            answer = self._bucket.get(self._key)
            data = bytes(answer.bytes())
        except FileNotFoundError:
            self._seen, self._loaded = None, True
            return Missing()
        except (BaseError, OSError) as error:
            return Unreachable(_short(error))
        self._seen, self._loaded = answer.meta.get("e_tag"), True
        finding = unpack_finding(data)
        if not isinstance(finding, Corrupt):
            self._epoch = finding.record.epoch
        return finding

    def save(self, record: StateRecord) -> None:
        """Return when the service has accepted `record`."""
        from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError, PreconditionError

        if not self._loaded and isinstance(finding := self.load(), Unreachable):
            raise StateError(finding.reason)
        refuse_older(self.name, record, self._epoch)
        # until an answer comes nobody knows which object stands there
        self._loaded = False
        try:
            self._put(pack(record))
        except (PreconditionError, AlreadyExistsError) as error:
            raise StateError(f"another writer, or an earlier put that came late: {_short(error)}") from error
        except (NotSupportedError, NotImplementedError):
            self._compares = False
            self.save(record)
            return
        except (BaseError, OSError) as error:
            raise StateError(_short(error)) from error
        self._epoch = record.epoch

    def close(self) -> None:
        """Nothing is held open."""

    def _put(self, data: bytes) -> None:
        if not self._compares:
            answer = self._bucket.put(self._key, data, use_multipart=False)
        elif self._seen is None:
            answer = self._bucket.put(self._key, data, mode="create", use_multipart=False)
        else:
            answer = self._bucket.put(self._key, data, mode={"e_tag": self._seen}, use_multipart=False)
        self._seen, self._loaded = answer["e_tag"], True


def open_bucket(config: ObjectStoreConfig, environment: Mapping[str, str]) -> Bucket:
    """
    Return the bucket a configuration names; contacts nobody.

    Raises
    ------
    ConfigError
        If the environment lacks a key the configuration names.

    """
    from obstore.store import LocalStore, MemoryStore, S3Store

    if config.url.startswith("memory://"):
        return MemoryStore()
    if config.url.startswith("file://"):
        return LocalStore.from_url(config.url, mkdir=True)
    keys = []
    for variable in (config.access_key_variable, config.secret_key_variable):
        if not environment.get(variable):
            raise ConfigError(f"environment variable {variable} must hold a key of the object store, is not set")
        keys.append(environment[variable])
    timeout = timedelta(seconds=config.timeout_s)
    return S3Store.from_url(
        config.url,
        config={} if config.endpoint is None else {"endpoint": config.endpoint},
        region=config.region or "us-east-1",
        access_key_id=keys[0],
        secret_access_key=keys[1],
        client_options={
            "timeout": timeout,
            "connect_timeout": timeout,
            "allow_http": bool(config.endpoint and config.endpoint.startswith("http://")),
        },
        # the lane tries again, in the open and with a pause; here each request is made once
        retry_config={"max_retries": 0, "retry_timeout": timeout},
    )


def _short(error: Exception) -> str:
    """Return the first line of an error: those of the service go on for pages of XML and request headers."""
    return f"object store: {type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:200]}"
