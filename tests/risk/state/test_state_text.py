"""The stored text of one record, and the structs that configure its stores."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigError
from risk.state.durable import StateConfig
from risk.state.etcd_store import EtcdConfig
from risk.state.lane import RetryConfig
from risk.state.store import StateRecord, pack, unpack
from settings import decode


@given(st.integers(0, 2**62), st.integers(0, 3), st.integers(0, 3), st.binary(max_size=200))
def test_any_record_comes_back_as_it_went_in(epoch: int, rank: int, resume_rank: int, payload: bytes) -> None:
    record = StateRecord(epoch=epoch, rank=rank, resume_rank=resume_rank, payload=payload)
    generation = unpack(pack(record, "f" * 64))

    assert generation.record == record
    assert generation.predecessor == "f" * 64
    assert unpack(pack(record)).digest != generation.digest


def test_a_text_that_was_never_packed_is_refused() -> None:
    for data in (b"", b"\0" * 500, b"bot4 state 1\n", b"bot4 state 2\n" + b"x" * 200, b"x" * 3):
        with pytest.raises(ValueError, match=r"state file|hash"):
            unpack(data)


def test_a_person_can_read_it() -> None:
    text = pack(StateRecord(epoch=7, rank=2, resume_rank=2, payload=b'{"mode":"Manual"}')).decode()

    assert text.splitlines()[0] == "bot4 state 1"
    assert msgspec.json.decode(text.splitlines()[1])["epoch"] == 7
    assert text.splitlines()[2] == '{"mode":"Manual"}'


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"folder": "x", "node": "a b"}, "node"),
        ({"folder": "x", "emergency_wait_s": 0.0}, "emergency_wait_s"),
        ({"folder": "x", "etcd": {"port": 0}}, "etcd.port"),
        ({"folder": "x", "etcd": {"timeout_s": 1e9}}, "etcd.timeout_s"),
        ({"folder": "x", "object_store": {"url": "http://bucket"}}, "object_store.url"),
        ({"folder": "x", "object_store": {"url": "s3://b", "secret_key": "k"}}, "object_store"),
        ({"folder": "x", "stores": 1}, "file"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_key(document: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        decode(document, StateConfig, where="file")


def test_rules_between_fields_hold() -> None:
    with pytest.raises(ValueError, match="first_s <= longest_s"):
        RetryConfig(first_s=2.0, longest_s=1.0)
    with pytest.raises(ValueError, match="go together"):
        EtcdConfig(certificate_path="c.pem")
