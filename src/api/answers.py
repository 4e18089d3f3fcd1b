"""Answers that browsers and programs keep and ask about again: ETags, a small cache, gzip.

Everything is revalidated, since closed candles can be amended. An ETag comes from versions alone (a series'
load version, ``latest``'s version where the forming bar is included), so that "unchanged" costs one small
query and no body.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from flask import Flask, Response, current_app, request

_GZIP_FROM_BYTES = 1_000
# 1: four times as fast as the usual 6, and candles shrink nearly as much.
_GZIP_LEVEL = 1
_CACHE_BYTES = 64_000_000
_PACKED_TYPES = ("application/json", "application/problem+json", "text/")
CACHE = "candlehouse_answers"


class BodyCache:
    """The bodies that were asked for last, by ETag; thread-safe, *limit* in bytes."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()

    def find(self, key: str) -> bytes | None:
        with self._lock:
            if (body := self._bodies.get(key)) is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: str, body: bytes) -> None:
        with self._lock:
            self._held += len(body) - len(self._bodies.pop(key, b""))
            self._bodies[key] = body
            while self._held > self._limit:
                _, dropped = self._bodies.popitem(last=False)
                self._held -= len(dropped)


def versioned(versions: Iterable[object], build: Callable[[], bytes]) -> Response:
    """Answer with the JSON that *build* makes, or with 304 where the client has it.

    *versions* is all that the body depends on besides the URL, read before the body's data: then a load in
    between makes the body newer than its ETag says, and never older.
    """
    etag = _etag(versions)
    known = request.if_none_match
    if known.star_tag or etag in known.as_set(include_weak=True):
        return _tagged(Response(status=304), etag)
    cache: BodyCache = current_app.extensions[CACHE]
    packs = _takes_gzip()
    key = f"{etag}{'.gz' if packs else ''}"
    if (content := cache.find(key)) is None:
        content = build()
        packs = packs and len(content) >= _GZIP_FROM_BYTES
        content = gzip.compress(content, _GZIP_LEVEL, mtime=0) if packs else content
        cache.put(key, content)
    response = Response(content, mimetype="application/json")
    if content[:2] == b"\x1f\x8b":
        response.headers["Content-Encoding"] = "gzip"
    return _tagged(response, etag)


def _etag(versions: Iterable[object]) -> str:
    # The whole URL is in it, so that one ETag never stands for two bodies in the cache.
    told = "\0".join((request.path, request.query_string.decode("latin-1"), *map(str, versions)))
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _tagged(response: Response, etag: str) -> Response:
    response.set_etag(etag, weak=True)  # weak: gzip or not, it is one
    return response


def _takes_gzip() -> bool:
    return request.accept_encodings.quality("gzip") > 0 and "gzip" in request.headers.get(
        "Accept-Encoding", ""
    )


def install(app: Flask) -> None:
    """Give *app* its cache, and have its answers packed and revalidated."""
    app.extensions[CACHE] = BodyCache()
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if _is_packable(response):
        response.set_data(gzip.compress(response.get_data(), _GZIP_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def _is_packable(response: Response) -> bool:
    return (
        not response.is_streamed
        and not response.direct_passthrough
        and (response.mimetype or "").startswith(_PACKED_TYPES)
        and "Content-Encoding" not in response.headers
        and _takes_gzip()
        and (response.content_length or 0) >= _GZIP_FROM_BYTES
    )
