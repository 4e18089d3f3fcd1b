"""Answers that are asked for again: ETags, the small cache, gzip."""

from __future__ import annotations

import gzip

from flask import Flask, Response

from src.api import answers
from src.api.answers import BodyCache, versioned
from tests.api.rig import Api


class Counting:
    """An application with one route whose version and body a test sets."""

    def __init__(self) -> None:
        self.version, self.body, self.built = 1, b'"' + b"x" * 2_000 + b'"', 0
        app = Flask("test")
        answers.install(app)
        app.add_url_rule("/x", view_func=self.answer)
        self.client = app.test_client()

    def answer(self) -> Response:
        return versioned((self.version,), self._build)

    def _build(self) -> bytes:
        self.built += 1
        return self.body


def test_what_a_client_has_is_not_sent_again() -> None:
    site = Counting()
    first = site.client.get("/x")
    again = site.client.get("/x", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, site.built) == (304, b"", 1)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, no-cache"


def test_a_client_that_has_any_version_is_told_that_there_is_one() -> None:
    again = Counting().client.get("/x", headers={"If-None-Match": "*"})
    assert (again.status_code, again.data) == (304, b"")


def test_new_version_is_sent() -> None:
    site = Counting()
    first = site.client.get("/x")
    site.version, site.body = 2, b"[]"
    again = site.client.get("/x", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (200, b"[]")


def test_body_is_built_once_for_many_clients_and_for_each_url_apart() -> None:
    site = Counting()
    for _ in range(3):
        assert site.client.get("/x").data == site.body
    assert site.built == 1
    site.client.get("/x?a=1")
    assert site.built == 2


def test_packed_and_plain_clients_get_the_same() -> None:
    site = Counting()
    packed = site.client.get("/x", headers={"Accept-Encoding": "gzip"})
    plain = site.client.get("/x", headers={"Accept-Encoding": "identity"})
    refusing = site.client.get("/x", headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data == refusing.data == site.body
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_cache_forgets_what_was_not_asked_for_longest() -> None:
    cache = BodyCache(limit=100)
    cache.put("a", b"x" * 40)
    cache.put("b", b"x" * 40)
    assert cache.find("a")
    cache.put("c", b"x" * 40)
    assert (cache.find("a") is not None, cache.find("b"), cache.find("c") is not None) == (True, None, True)
    cache.put("huge", b"x" * 101)
    assert cache.find("huge") is None


def test_other_answers_are_packed_when_they_are_long(api: Api) -> None:
    headers = {"Accept-Encoding": "gzip, br"}
    long, short = api.anybody.get("/api/openapi.json", headers=headers), api.anybody.get("/health/live")
    assert long.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(long.data).startswith(b'{"openapi":"3.1.0"')
    assert "Content-Encoding" not in short.headers
