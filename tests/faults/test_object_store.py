"""D4 against moto's S3 server: a copy that fails, stalls or answers nonsense delays nobody and is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mode_walk import Payload

from errors import ConfigError
from risk.modes.table import Mode
from risk.state.durable import DurableState, Move, StateConfig, open_state
from risk.state.failure import StateError
from risk.state.lane import RetryConfig
from risk.state.object_store import ObjectStore, ObjectStoreConfig, open_bucket
from risk.state.store import Corrupt, Found, Missing, StateRecord, Unreachable

pytestmark = pytest.mark.xdist_group("s3")

KEYS = {"BOT4_S3_ACCESS_KEY": "test", "BOT4_S3_SECRET_KEY": "canary-secret-key"}
MANUAL = Mode.MANUAL.priority


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket="bot4")
    yield url
    server.stop()


def config(endpoint: str, prefix: str, timeout_s: float = 2) -> ObjectStoreConfig:
    return ObjectStoreConfig(url="s3://bot4", prefix=prefix, endpoint=endpoint, timeout_s=timeout_s)


def store(endpoint: str, prefix: str, timeout_s: float = 2) -> ObjectStore:
    return ObjectStore(open_bucket(config(endpoint, prefix, timeout_s), KEYS), prefix)


def record(epoch: int) -> StateRecord:
    return StateRecord(epoch=epoch, rank=MANUAL, resume_rank=MANUAL, payload=b"state %d" % epoch)


def wait_until(holds: object, seconds: float = 8) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.01)


def test_keeps_the_newest_record_in_s3(endpoint: str) -> None:
    copy = store(endpoint, "keeps")

    assert copy.load() == Missing()
    copy.save(record(1))
    copy.save(record(2))

    assert store(endpoint, "keeps").load() == Found(record(2))
    with pytest.raises(StateError, match="epoch must be above 2"):
        copy.save(record(1))


def test_a_second_writer_is_noticed(endpoint: str) -> None:
    first, second = store(endpoint, "writers"), store(endpoint, "writers")
    first.save(record(1))
    second.save(record(2))

    with pytest.raises(StateError, match="another writer"):
        first.save(record(3))
    # now it has seen the other's record, and its own is newer
    first.save(record(4))
    assert second.load() == Found(record(4))


def test_a_foreign_object_is_corrupt_and_is_replaced(endpoint: str) -> None:
    copy = store(endpoint, "foreign")
    open_bucket(config(endpoint, "foreign"), KEYS).put("foreign/state", b"half a sta")

    assert isinstance(copy.load(), Corrupt)
    copy.save(record(1))
    assert copy.load() == Found(record(1))


@pytest.mark.parametrize("url", ["memory:///", "file://{folder}"])
def test_the_stores_for_development_keep_it_too(tmp_path: Path, url: str) -> None:
    bucket = open_bucket(ObjectStoreConfig(url=url.format(folder=tmp_path)), {})
    copy = ObjectStore(bucket, "bot4")
    copy.save(record(1))
    copy.save(record(2))

    assert ObjectStore(bucket, "bot4").load() == Found(record(2))


def test_a_key_that_is_not_in_the_environment_is_a_configuration_error(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="BOT4_S3_SECRET_KEY must hold a key"):
        open_bucket(config(endpoint, "x"), {"BOT4_S3_ACCESS_KEY": "test"})


class Moody(BaseHTTPRequestHandler):
    """Answer as `mood` says: 500, nothing until it is told to, or half a body."""

    mood = "500"
    released = threading.Event()
    asked = 0

    def answer(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.mood == "silence":
            self.released.wait(20)
            return
        body = b"<Error>out of order</Error>"
        self.send_response(500 if self.mood == "500" else 200)
        self.send_header("content-length", str(len(body) * (1 if self.mood == "500" else 2)))
        self.send_header("etag", '"1"')
        self.send_header("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = answer  # noqa: N815 - the names the base class calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moody() -> Iterator[tuple[type[Moody], str]]:
    kind = type("Mood", (Moody,), {"released": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}"
    kind.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("mood", ["500", "silence", "half"])
def test_a_store_in_a_bad_mood_is_unreachable_and_never_blocks_for_long(moody: object, mood: str) -> None:
    kind, url = moody
    kind.mood = mood
    copy = store(url, "x", timeout_s=0.3)

    begin = time.monotonic()
    finding = copy.load()
    with pytest.raises(StateError) as caught:
        copy.save(record(1))

    assert isinstance(finding, Unreachable)
    assert time.monotonic() - begin < 3
    assert "canary-secret-key" not in str(caught.value) + finding.reason


@pytest.mark.parametrize("mood", ["500", "silence"])
def test_commits_go_on_while_the_copy_fails_and_it_is_tried_again(tmp_path: Path, moody: object, mood: str) -> None:
    kind, url = moody
    kind.mood = mood
    state = opened(tmp_path, url)
    state.recover()
    begin = time.monotonic()
    for step, mode in enumerate((Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO)):
        state.commit(Payload.of(mode, step), mode.priority, Move.LEVEL if step == 0 else Move.UP)
    state.commit(Payload.of(Mode.EMERGENCY, 9), Mode.EMERGENCY.priority, Move.EMERGENCY)
    took = time.monotonic() - begin

    wait_until(lambda: kind.asked >= 3)
    wait_until(lambda: state.health()[-1].failures >= 2)
    health = state.health()[-1]
    kind.released.set()
    assert took < 1, "four commits that waited for the copy would take 1.2 s"
    assert health.saved_epoch == -1
    assert health.store == "object store"
    assert not health.healthy
    assert health.waiting_epoch == state.current.epoch
    assert not state.close(0.5)


def test_the_copy_ends_with_the_newest_of_many_records(tmp_path: Path, endpoint: str) -> None:
    state = opened(tmp_path, endpoint)
    state.recover()
    for step in range(20):
        state.commit(Payload.of(Mode.MANUAL, step), MANUAL)
    wait_until(lambda: all(each.healthy for each in state.health()))

    assert store(endpoint, "bot4").load().record == state.current
    assert state.close()


def opened(folder: Path, endpoint: str) -> DurableState:
    copy = ObjectStoreConfig(url="s3://bot4", endpoint=endpoint, timeout_s=0.3)
    retry = RetryConfig(first_s=0.05, longest_s=0.2)
    return open_state(StateConfig(folder=str(folder / "s"), object_store=copy, retry=retry), KEYS)
