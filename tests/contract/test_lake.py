"""What every object store promises, tried on each: the local folder and a real S3 server."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from src.errors import ConfigurationError, NotFound, ObjectExists, StoreUnavailable
from src.lake.local_store import LocalStore
from src.lake.minio_store import MinioStore
from src.lake.store import Bucket, ObjectStore
from tests.servers import S3Server

KEY = "2026-01-09/BTCUSDT_klines_1767968400123.json"
OTHER_KEY = "2026-01-09/BTCUSDT_klines_1767968400124.json"


@dataclass(frozen=True)
class Lake:
    """A store of one kind, and how to reach into what lies beneath it."""

    store: ObjectStore
    again: Callable[[], ObjectStore]
    start_unfinished_write: Callable[[str], None]
    lose_buckets: Callable[[], None]


@pytest.fixture(params=["local", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "local":
        found = _local_lake(tmp_path / "data_lake")
    else:
        found = _s3_lake(request.getfixturevalue("s3_server"))
    found.store.ensure_buckets()
    return found


@pytest.fixture
def store(lake: Lake) -> ObjectStore:
    return lake.store


def _local_lake(root: Path) -> Lake:
    def start_unfinished_write(key: str) -> None:
        (root / "raw" / ".tmp" / f"{uuid.uuid4().hex}.tmp").write_bytes(b"[1,2")

    def lose_buckets() -> None:
        for bucket in Bucket:
            (root / bucket).rename(root.parent / f"unmounted-{bucket}")

    return Lake(LocalStore(root), lambda: LocalStore(root), start_unfinished_write, lose_buckets)


def _s3_lake(server: S3Server) -> Lake:
    names = [f"test-{uuid.uuid4().hex[:12]}-{bucket}" for bucket in Bucket]

    def connect() -> MinioStore:
        return MinioStore(server.endpoint, server.access_key, server.secret_key, *names)

    store = connect()

    def start_unfinished_write(key: str) -> None:
        url = urlsplit(store._client.presigned_put_object(names[0], key, timedelta(minutes=5)))
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 1000\r\n\r\n"
        with closing(socket.create_connection((url.hostname or "", url.port or 0))) as connection:
            connection.sendall(head.encode() + b"[1,2")

    def lose_buckets() -> None:
        for name in names:
            store._client.remove_bucket(name)

    return Lake(store, connect, start_unfinished_write, lose_buckets)


def keys_of(store: ObjectStore, prefix: str = "", bucket: Bucket = Bucket.RAW) -> list[str]:
    return [found.key for found in store.list_keys(bucket, prefix)]


@pytest.mark.parametrize(
    "content",
    [b'[[1767968400000,"0.00000001"]]\r\n', "币安 é".encode(), bytes(range(256)) * 4000, b""],
    ids=["json", "non-ascii", "every byte, 1 MB", "empty"],
)
def test_an_object_comes_back_byte_for_byte(store: ObjectStore, content: bytes) -> None:
    store.put_new(Bucket.RAW, KEY, content)

    assert store.get(Bucket.RAW, KEY) == content
    assert store.stat(Bucket.RAW, KEY).size_bytes == len(content)
    assert store.stat(Bucket.RAW, KEY).key == KEY


def test_an_object_tells_when_the_store_got_it(store: ObjectStore) -> None:
    before_ms = time.time_ns() // 1_000_000
    store.put_new(Bucket.RAW, KEY, b"[1]")
    after_ms = time.time_ns() // 1_000_000

    [listed] = store.list_keys(Bucket.RAW)
    # S3 tells whole seconds in one of its answers and milliseconds in another.
    for found in (listed, store.stat(Bucket.RAW, KEY)):
        assert before_ms - 1_000 <= found.modified_ms <= after_ms + 1_000


def test_another_instance_sees_the_object(lake: Lake) -> None:
    lake.store.put_new(Bucket.RAW, KEY, b"[1]")

    assert lake.again().get(Bucket.RAW, KEY) == b"[1]"


def test_a_taken_key_keeps_its_first_content(store: ObjectStore) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")

    for content in (b"[2]", b"[1]"):
        with pytest.raises(ObjectExists, match=KEY) as raised:
            store.put_new(Bucket.RAW, KEY, content)
        assert raised.value.key == KEY
    assert store.get(Bucket.RAW, KEY) == b"[1]"


def test_one_of_eight_writers_wins_and_its_content_is_there(lake: Lake) -> None:
    stores = [lake.again() for _ in range(8)]
    for attempt in range(5):
        key = f"2026-01-09/BTCUSDT_klines_{attempt}.json"
        barrier = threading.Barrier(len(stores))

        def write(number: int, key: str = key, barrier: threading.Barrier = barrier) -> bytes | None:
            content = b"%d" % number * 50_000
            barrier.wait()
            try:
                stores[number].put_new(Bucket.RAW, key, content)
            except ObjectExists:
                return None
            return content

        with ThreadPoolExecutor(len(stores)) as pool:
            written = [content for content in pool.map(write, range(len(stores))) if content is not None]

        assert len(written) == 1
        assert lake.store.get(Bucket.RAW, key) == written[0]


def test_a_shared_store_serves_many_threads(store: ObjectStore) -> None:
    def write_and_read(number: int) -> bool:
        key = f"2026-01-{number % 28 + 1:02d}/BTCUSDT_depth_{number}.json"
        store.put_new(Bucket.RAW, key, b"[%d]" % number)
        return store.get(Bucket.RAW, key) == b"[%d]" % number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(100)))
    assert len(keys_of(store)) == 100


def test_the_buckets_are_apart(store: ObjectStore) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")

    with pytest.raises(NotFound):
        store.get(Bucket.ARCHIVE, KEY)
    assert keys_of(store, bucket=Bucket.ARCHIVE) == []

    store.put_new(Bucket.ARCHIVE, KEY, b"[1]")
    store.delete(Bucket.RAW, KEY)
    assert store.get(Bucket.ARCHIVE, KEY) == b"[1]"


def test_making_the_buckets_again_keeps_what_is_in_them(lake: Lake) -> None:
    lake.store.put_new(Bucket.RAW, KEY, b"[1]")

    lake.again().ensure_buckets()

    assert lake.store.get(Bucket.RAW, KEY) == b"[1]"


@pytest.mark.parametrize("key", [KEY, "2026-01-09", f"{OTHER_KEY}/inside"])
def test_what_is_missing_is_not_found(store: ObjectStore, key: str) -> None:
    store.put_new(Bucket.RAW, OTHER_KEY, b"[1]")

    with pytest.raises(NotFound, match=key):
        store.get(Bucket.RAW, key)
    with pytest.raises(NotFound, match=key):
        store.stat(Bucket.RAW, key)


def test_a_deleted_object_is_gone_and_its_key_is_free(store: ObjectStore) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    store.put_new(Bucket.RAW, OTHER_KEY, b"[2]")

    store.delete(Bucket.RAW, KEY)

    with pytest.raises(NotFound):
        store.get(Bucket.RAW, KEY)
    assert keys_of(store) == [OTHER_KEY]
    store.put_new(Bucket.RAW, KEY, b"[3]")
    assert store.get(Bucket.RAW, KEY) == b"[3]"


def test_deleting_what_is_not_there_is_fine(store: ObjectStore) -> None:
    store.delete(Bucket.RAW, KEY)
    store.put_new(Bucket.RAW, KEY, b"[1]")
    store.delete(Bucket.RAW, "2026-01-09")  # a folder of objects is no object

    assert keys_of(store) == [KEY]


def test_objects_are_listed_in_the_order_of_their_keys_as_text(store: ObjectStore) -> None:
    keys = ["a/1.json", "a-b/1.json", "a.json", "a/b/1.json", "a/B.json", "B/1.json", "a0/1.json"]
    for key in keys:
        store.put_new(Bucket.RAW, key, b"[]")

    assert keys_of(store) == sorted(keys)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", 6),
        ("2026-01-09/", 3),
        ("2026-01-0", 4),
        ("2026-01-09/BTC", 2),
        ("2026-01-09/BTCUSDT_klines_2", 1),
        ("kraken/", 1),
        ("krak", 1),
        ("2027", 0),
        ("../raw/", 0),
        ("/", 0),
    ],
)
def test_a_prefix_is_a_piece_of_text_not_a_folder(store: ObjectStore, prefix: str, expected: int) -> None:
    keys = [
        "2026-01-09/BTCUSDT_klines_1.json",
        "2026-01-09/BTCUSDT_klines_2.json",
        "2026-01-09/ETHUSDT_klines_1.json",
        "2026-01-08/BTCUSDT_klines_1.json",
        "2026-01-10/BTCUSDT_klines_1.json",
        "kraken/2026-01-09/BTCUSDT_klines_1.json",
    ]
    for key in keys:
        store.put_new(Bucket.RAW, key, b"[]")

    found = keys_of(store, prefix)

    assert found == sorted(key for key in keys if key.startswith(prefix))
    assert len(found) == expected


def test_two_thousand_objects_are_listed_with_their_sizes(store: ObjectStore) -> None:
    sizes = {f"2026-01-{n % 7 + 1:02d}/BTCUSDT_klines_{n}.json": n % 50 + 1 for n in range(2000)}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: store.put_new(Bucket.RAW, item[0], b"7" * item[1]), sizes.items()))

    listed = list(store.list_keys(Bucket.RAW))
    assert [found.key for found in listed] == sorted(sizes)
    assert {found.key: found.size_bytes for found in listed} == sizes


def test_an_unfinished_write_is_not_listed_and_leaves_the_key_free(lake: Lake) -> None:
    lake.start_unfinished_write(KEY)

    assert keys_of(lake.store) == []
    with pytest.raises(NotFound):
        lake.store.get(Bucket.RAW, KEY)
    lake.store.put_new(Bucket.RAW, KEY, b"[1]")
    assert lake.store.get(Bucket.RAW, KEY) == b"[1]"


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "/etc/passwd", "../outside.json", "2026/../../outside.json", "2026//a.json", "a/",
        "./a.json", ".tmp/a.json", "a/.hidden", "a\0b", "a\nb", "a\\b", "a b", "ä.json",
        "a" * 201, "a/" * 600 + "a",
    ],
    ids=lambda key: repr(key[:24]),
)  # fmt: skip
def test_keys_that_could_lead_astray_are_refused(store: ObjectStore, tmp_path: Path, key: str) -> None:
    before = sorted(tmp_path.rglob("*"))

    for attempt in (
        lambda: store.put_new(Bucket.RAW, key, b"[]"),
        lambda: store.get(Bucket.RAW, key),
        lambda: store.stat(Bucket.RAW, key),
        lambda: store.delete(Bucket.RAW, key),
    ):
        with pytest.raises(ValueError, match="object key"):
            attempt()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_lost_bucket_is_an_outage_and_not_an_empty_lake(lake: Lake) -> None:
    lake.lose_buckets()

    for attempt in (
        lambda: lake.store.get(Bucket.RAW, KEY),
        lambda: lake.store.stat(Bucket.RAW, KEY),
        lambda: lake.store.put_new(Bucket.RAW, KEY, b"[]"),
        lambda: keys_of(lake.store),
        lambda: lake.store.delete(Bucket.RAW, KEY),
    ):
        with pytest.raises(StoreUnavailable, match="check"):
            attempt()


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def test_an_unreachable_server_is_named_with_its_setting() -> None:
    endpoint = f"127.0.0.1:{_free_port()}"
    store = MinioStore(endpoint, "key", "secret-word")

    for attempt in (
        store.ensure_buckets,
        lambda: store.put_new(Bucket.RAW, KEY, b"[]"),
        lambda: store.get(Bucket.RAW, KEY),
        lambda: keys_of(store),
    ):
        with pytest.raises(StoreUnavailable, match="MINIO_ENDPOINT") as raised:
            attempt()
        assert endpoint in str(raised.value)
        assert "secret-word" not in str(raised.value)


@pytest.mark.parametrize(("access_key", "secret_key"), [("nobody", None), (None, "wrong-word")])
def test_refused_keys_are_named_by_their_settings(
    s3_server: S3Server, access_key: str | None, secret_key: str | None
) -> None:
    store = MinioStore(
        s3_server.endpoint, access_key or s3_server.access_key, secret_key or s3_server.secret_key
    )

    for attempt in (store.ensure_buckets, lambda: store.put_new(Bucket.RAW, KEY, b"[]")):
        with pytest.raises(StoreUnavailable, match="MINIO_ACCESS_KEY and MINIO_SECRET_KEY") as raised:
            attempt()
        assert "wrong-word" not in str(raised.value)


def test_tls_against_a_plain_server_names_the_setting(s3_server: S3Server) -> None:
    store = MinioStore(s3_server.endpoint, s3_server.access_key, s3_server.secret_key, secure=True)

    with pytest.raises(StoreUnavailable, match="MINIO_SECURE"):
        store.ensure_buckets()


def _read_request(client: socket.socket) -> tuple[bytes, bytes]:
    """Read one whole request: its first line, and the rest."""
    with client.makefile("rb") as stream:
        lines = list(iter(stream.readline, b"\r\n"))
        lengths = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")]
        body = stream.read(sum(lengths))
    return lines[0].rstrip(), b"".join(lines[1:]) + b"\r\n" + body


@contextmanager
def relay_that_loses_the_answer_to_the_first_put(server: S3Server) -> Iterator[tuple[S3Server, list[bytes]]]:
    """Stand between client and server; give the way in and the first line of every request that came by."""
    requests: list[bytes] = []
    lost = threading.Event()
    host, port = server.endpoint.split(":")

    def pass_on(client: socket.socket) -> None:
        with client, socket.create_connection((host, int(port))) as upstream:
            first, rest = _read_request(client)
            requests.append(first)
            upstream.sendall(first + b"\r\nConnection: close\r\n" + rest)
            answer = b"".join(iter(lambda: upstream.recv(65536), b""))
            if first.startswith(b"PUT") and not lost.is_set():
                lost.set()
            else:
                client.sendall(answer)

    with ThreadPoolExecutor(4) as pool, socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # the listener is closed at the end
                while True:
                    pool.submit(pass_on, listener.accept()[0])

        pool.submit(accept)
        try:
            yield replace(server, endpoint=f"127.0.0.1:{listener.getsockname()[1]}"), requests
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def test_an_upload_whose_answer_was_lost_is_not_taken_for_another_writers(s3_server: S3Server) -> None:
    names = [f"test-{uuid.uuid4().hex[:12]}-{bucket}" for bucket in Bucket]
    direct = MinioStore(s3_server.endpoint, s3_server.access_key, s3_server.secret_key, *names)
    direct.ensure_buckets()

    with relay_that_loses_the_answer_to_the_first_put(s3_server) as (way_in, requests):
        store = MinioStore(way_in.endpoint, way_in.access_key, way_in.secret_key, *names)
        store.put_new(Bucket.RAW, KEY, b"[1]")
        with pytest.raises(ObjectExists):
            store.put_new(Bucket.RAW, KEY, b"[1]")

    assert direct.get(Bucket.RAW, KEY) == b"[1]"
    assert [line.split()[0] for line in requests] == [b"GET", b"PUT", b"PUT", b"HEAD", b"PUT", b"HEAD"]


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9000", "127.0.0.1:9000/lake", "127.0.0.1:99999", "a b", ""]
)
def test_an_endpoint_that_is_no_host_and_port_is_a_wrong_setting(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="MINIO_ENDPOINT"):
        MinioStore(endpoint, "key", "secret-word")


@pytest.mark.parametrize(
    ("raw", "archive", "named"),
    [
        ("Crypto_Raw", "crypto-archive", "MINIO_BUCKET_RAW is 'Crypto_Raw'"),
        ("crypto-raw", "x", "MINIO_BUCKET_ARCHIVE is 'x'"),
        ("same", "same", "are the same"),
    ],
)
def test_impossible_bucket_names_are_wrong_settings(raw: str, archive: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        MinioStore("127.0.0.1:9000", "key", "secret-word", raw, archive)


def test_copy_lies_in_both_buckets_byte_for_byte(store: ObjectStore) -> None:
    content = bytes(range(256)) * 400
    store.put_new(Bucket.RAW, KEY, content)
    store.copy(Bucket.RAW, KEY, Bucket.ARCHIVE)
    assert [store.get(bucket, KEY) for bucket in Bucket] == [content, content]
    assert keys_of(store, bucket=Bucket.ARCHIVE) == [KEY]
    store.delete(Bucket.RAW, KEY)
    assert store.get(Bucket.ARCHIVE, KEY) == content


def test_copy_changes_nothing_that_is_there_and_needs_its_original(store: ObjectStore) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    store.put_new(Bucket.ARCHIVE, KEY, b"[2]")
    with pytest.raises(ObjectExists):
        store.copy(Bucket.RAW, KEY, Bucket.ARCHIVE)
    assert store.get(Bucket.ARCHIVE, KEY) == b"[2]"
    with pytest.raises(NotFound):
        store.copy(Bucket.RAW, OTHER_KEY, Bucket.ARCHIVE)
    assert keys_of(store, bucket=Bucket.ARCHIVE) == [KEY]


def test_many_are_deleted_at_once_and_those_not_there_are_fine(store: ObjectStore) -> None:
    keys = [f"2026-01-09/BTCUSDT_klines_{at}.json" for at in range(1_767_968_400_000, 1_767_968_400_030)]
    for key in keys:
        store.put_new(Bucket.RAW, key, b"[1]")
    store.delete_many(Bucket.RAW, [*keys[1:], OTHER_KEY, "2026-01-10/BTCUSDT_klines_1768000000000.json"])
    assert keys_of(store) == [keys[0]]
    store.delete_many(Bucket.RAW, [])


def test_tidying_takes_no_object_away(store: ObjectStore) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    for prefix in ("2026-01-09/", "2026-01-10/", ""):
        store.tidy(Bucket.RAW, prefix)
    assert keys_of(store) == [KEY]
    store.delete(Bucket.RAW, KEY)
    store.tidy(Bucket.RAW, "2026-01-09/")
    store.put_new(Bucket.RAW, KEY, b"[2]")
    assert store.get(Bucket.RAW, KEY) == b"[2]"
