"""Streams of events: what they tell, how they end and go on after a break, how many there may be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from src.api import live, live_events
from src.domain import MINUTE_MS, Candle, SeriesKey, Window
from src.jobs.asking import ask_fetch, cancel
from src.lake.local_store import LocalStore
from src.warehouse import run_states
from src.warehouse.changes import Mark, parse_mark, read_mark
from src.warehouse.notifications import News, NewsKind, Severity, mark_read, notify
from src.warehouse.run_states import Failure
from src.warehouse.runs import RunState
from src.warehouse.watermarks import upsert_latest
from src.wiring import warehouse_url
from tests.api.rig import BTC, END_MS, ETH, Api, Client, minutes
from tests.builders import make_object, open_pipeline


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the poller look more often than once a second."""
    monkeypatch.setattr(live, "_LOOK_S", 0.1)


WINDOW = Window(END_MS, END_MS + 60 * MINUTE_MS)
_PATIENCE_S = 20.0


class Stream:
    """Reads one stream, event by event, without waiting for ever."""

    def __init__(self, client: Client, path: str, **headers: str) -> None:
        self.answer = client.get(path, headers=headers, buffered=False)
        self._chunks = iter(self.answer.response)
        self._events: list[dict[str, Any]] = []

    def next(self) -> dict[str, Any]:
        """Return the next event: id, event, data."""
        while not self._events:
            for part in self._read().decode().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in part.splitlines() if not line.startswith(":"))
                if "event" in fields:
                    self._events.append({**fields, "data": json.loads(fields["data"])})
        return self._events.pop(0)

    def until(self, name: str) -> dict[str, Any]:
        """Return the next event of that name."""
        while (event := self.next())["event"] != name:
            pass
        return event

    def _read(self) -> bytes:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(next(self._chunks, None)), daemon=True)
        thread.start()
        thread.join(_PATIENCE_S)
        if not found or found[0] is None:
            raise EOFError
        content: bytes = found[0]
        return content

    def is_over(self) -> bool:
        try:
            self.next()
        except EOFError:
            return True
        return False


@contextmanager
def listening(client: Client, path: str = "/api/events", **headers: str) -> Iterator[Stream]:
    stream = Stream(client, path, **headers)
    try:
        yield stream
    finally:
        stream.answer.close()


def load(api: Api, start_ms: int) -> None:
    """Load ten minutes of BTCUSDT from then on."""
    settings = api.parts.settings
    lake = LocalStore(settings.data_dir / "data_lake")
    with open_pipeline(warehouse_url(settings), lake) as pipeline:
        rows = minutes(start_ms, start_ms + 10 * MINUTE_MS)
        pipeline.land(make_object(BTC.symbol, rows, start_ms + 20 * MINUTE_MS))
        pipeline.load()


def tell(api: Api, subject: str = "job:cycle") -> None:
    news = News(NewsKind.RUN_FAILED, subject, Severity.ERROR, "it failed", "because")
    api.parts.warehouse.run(lambda connection: notify(connection, news))


def test_a_stream_is_not_to_be_kept_back_by_proxies(own_api: Api) -> None:
    with listening(own_api.anybody) as stream:
        headers = stream.answer.headers
        assert headers["Content-Type"].startswith("text/event-stream")
        assert headers["X-Accel-Buffering"] == "no"
        assert "no-cache" in headers["Cache-Control"]
        assert "Content-Encoding" not in headers


def test_a_stream_names_what_has_changed(own_api: Api) -> None:
    with listening(own_api.anybody) as stream:
        assert stream.next()["event"] == "ready"
        load(own_api, END_MS)
        [series] = stream.until("candles")["data"]["series"]
        assert (series["symbol"], series["interval"]) == ("BTCUSDT", "1m")
        assert series["last_open_ms"] == END_MS + 9 * MINUTE_MS
        run_id = ask_fetch(own_api.parts.warehouse, [BTC], WINDOW, "test")
        assert run_id in [run["id"] for run in stream.until("runs")["data"]["runs"]]
        tell(own_api)
        assert stream.until("notifications")["data"] == {"unread": 1}
        own_api.parts.warehouse.run(mark_read)
        assert stream.until("notifications")["data"] == {"unread": 0}
        assert own_api.operator.post("/api/scheduler/jobs/cycle/disable").status_code == 200
        assert stream.until("jobs")["data"] == {}


def move_price(api: Api, series: SeriesKey, at_ms: int) -> None:
    """Overwrite the forming candle of a series, as of then."""
    one = Decimal(1)
    forming = Candle(END_MS, one, one, one, one, one, END_MS + MINUTE_MS - 1, one, 7, one, one)
    api.parts.warehouse.run(lambda connection: upsert_latest(connection, series, forming, at_ms))


def test_a_price_that_moves_is_told_by_its_symbol(own_api: Api) -> None:
    with listening(own_api.anybody) as stream:
        stream.until("ready")
        move_price(own_api, BTC, END_MS + 5_000)
        told = stream.until("prices")["data"]
        assert told == {"symbols": [{"exchange": "binance", "symbol": "BTCUSDT"}]}
        # What is told once is not told again: the next event is of the other symbol alone.
        move_price(own_api, ETH, END_MS + 6_000)
        assert stream.until("prices")["data"]["symbols"] == [{"exchange": "binance", "symbol": "ETHUSDT"}]


def test_prices_of_many_symbols_are_told_without_names(own_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_events, "_MOST_NAMES", 0)
    with listening(own_api.anybody) as stream:
        stream.until("ready")
        move_price(own_api, BTC, END_MS + 7_000)
        assert stream.until("prices")["data"] == {"symbols": None}


def test_the_last_id_may_stand_in_the_address(own_api: Api) -> None:
    with listening(own_api.anybody) as stream:
        last = stream.next()["id"]
    tell(own_api)
    with listening(own_api.anybody, f"/api/events?last_event_id={last}") as stream:
        assert [stream.next()["event"], stream.next()["event"]] == ["notifications", "ready"]
    with listening(
        own_api.anybody, "/api/events?last_event_id=nonsense", **{"Last-Event-ID": last}
    ) as stream:
        assert stream.next()["event"] == "notifications"


def test_who_comes_again_is_told_what_was_missed(own_api: Api) -> None:
    with listening(own_api.anybody) as stream:
        last = stream.next()["id"]
    load(own_api, END_MS)
    tell(own_api)
    run_id = ask_fetch(own_api.parts.warehouse, [BTC], WINDOW, "test")
    with listening(own_api.anybody, **{"Last-Event-ID": last}) as stream:
        missed = {}
        while (event := stream.next())["event"] != "ready":
            missed[event["event"]] = event["data"]
    assert set(missed) == {"candles", "runs", "notifications"}
    assert missed["candles"] == {"series": None}
    assert run_id in [run["id"] for run in missed["runs"]["runs"]]


def test_who_missed_nothing_is_told_nothing(own_api: Api) -> None:
    with listening(own_api.anybody) as stream:
        last = stream.next()["id"]
    with listening(own_api.anybody, **{"Last-Event-ID": last}) as stream:
        assert stream.next()["event"] == "ready"


@pytest.mark.parametrize(
    "last", ["nonsense", "1.2.3", "1.9999999.0.0.0.0.0", "2.0.0.0.0.0.0", "1.0.0.0.0.0.0"]
)
def test_an_unknown_id_makes_a_stream_begin_anew(own_api: Api, last: str) -> None:
    with listening(own_api.anybody, **{"Last-Event-ID": last}) as stream:
        assert [stream.next()["event"], stream.next()["event"]] == ["reset", "ready"]


def test_a_mark_says_the_same_in_every_process(own_api: Api) -> None:
    with own_api.parts.warehouse.read() as connection:
        mark = read_mark(connection)
    assert parse_mark(str(mark)) == mark
    with own_api.parts.warehouse.read() as connection:
        assert mark.is_before(read_mark(connection))
    assert not Mark(mark.loads + 1, 0, 0, 0, 0, mark.at_ms).is_before(mark)


def test_a_run_is_followed_to_its_end(own_api: Api) -> None:
    warehouse = own_api.parts.warehouse
    batch = ask_fetch(warehouse, [BTC, ETH], WINDOW, "test")
    with listening(own_api.anybody, f"/api/data-ingestion/stream-batch-status/{batch}") as stream:
        first = stream.next()
        assert first["event"] == "status"
        assert first["data"]["counts"]["queued"] == first["data"]["total_combinations"] == 2
        cancel(warehouse, [batch], "test")
        end = stream.until("done")
        assert end["data"]["counts"]["cancelled"] == 2
        assert stream.is_over()


def test_a_run_that_failed_ends_with_its_error(own_api: Api) -> None:
    warehouse = own_api.parts.warehouse
    token = warehouse.run(lambda connection: run_states.claim(connection, 2, "test"))
    assert token
    with listening(own_api.anybody, "/api/data-ingestion/stream-status/2") as stream:
        assert stream.next()["data"]["state"] == "running"
        failure = Failure(run_states.PERMANENT, {"what": "no such symbol"})
        warehouse.run(lambda c: run_states.finish(c, 2, token, RunState.FAILED, None, failure))
        assert stream.until("error")["data"]["error"]["what"] == "no such symbol"
        assert stream.is_over()


def test_a_stream_of_what_is_not_there_is_refused(own_api: Api) -> None:
    assert own_api.anybody.get("/api/data-ingestion/stream-status/999").status_code == 404
    assert own_api.anybody.get("/api/data-ingestion/stream-batch-status/2").status_code == 404


def test_a_revoked_token_ends_its_stream(own_api: Api) -> None:
    with listening(own_api.viewer) as stream:
        assert stream.next()["event"] == "ready"
        tokens: Any = own_api.operator.get("/api/tokens").json
        viewer = next(one["id"] for one in tokens["tokens"] if one["name"] == "eve")
        assert own_api.operator.delete(f"/api/tokens/{viewer}").status_code == 200
        assert stream.is_over()


def test_too_many_streams_are_sent_away_and_places_come_free(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 2)
    with listening(own_api.anybody), listening(own_api.anybody):
        refused = own_api.anybody.get("/api/events")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
    with listening(own_api.anybody) as stream:
        assert stream.next()["event"] == "ready"


def test_nobody_looks_while_nobody_listens(own_api: Api) -> None:
    def pollers() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "live"]

    with listening(own_api.anybody) as stream:
        stream.next()
        [poller] = pollers()
    poller.join(_PATIENCE_S)
    assert not pollers()
