"""The web app: its files, and its one page at every address that is none of the API's.

No routes of Flask's, but an answer where there would be none: what the API says of a wrong address or method
stays as it is. Nothing here needs a store: while one is away, the page can still be loaded, and says so.
"""

from __future__ import annotations

import hashlib
import re
from html import escape
from pathlib import Path

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from src.api.access import access
from src.api.waiting_page import waiting_page
from src.web.place import WebPlace

# The components of the app make style elements by script.
_POLICY = (
    "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# What lies here has its content's hash in its name.
_HASHED = "assets"
_OF_API = frozenset({"api", "health", "metrics"})
_FOR_EVER = "public, max-age=31536000, immutable"
# Not by the machine's own table, which need not know them.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_PACKED = (("br", ".br"), ("gzip", ".gz"))
_BASE = re.compile(r"<base\b[^>]*>")
_HEAD = re.compile(r"<head\b[^>]*>")


def install(app: Flask, place: WebPlace) -> None:
    """Let *app* serve the web app of *place*: before all that needs a store."""
    app.before_request(_WebApp(place))


class _WebApp:
    # Flask names what it calls.
    __name__ = "web_app"

    def __init__(self, place: WebPlace) -> None:
        self._place = place

    def __call__(self) -> Response | None:
        """Answer where the web app is asked for; None leaves the request to the API."""
        if request.method not in ("GET", "HEAD") or not self._is_asked():
            return None
        access().gate.check_host(request)
        first, _, rest = request.path.lstrip("/").partition("/")
        if path := self._find(request.path.lstrip("/")):
            return _file(path, _FOR_EVER if first == _HASHED and rest else "no-cache")
        return self._page() if first != _HASHED and _wants_page() else None

    def _is_asked(self) -> bool:
        if request.path == "/":  # with a token it is the link that opens a session
            return "token" not in request.args
        first = request.path.lstrip("/").partition("/")[0]
        return isinstance(request.routing_exception, NotFound) and first not in _OF_API

    def _find(self, name: str) -> Path | None:
        """Return the built file of that name; None for what lies elsewhere, whatever leads there."""
        if not name or "\0" in name or any(part.startswith(".") for part in name.split("/")):
            return None
        joined = safe_join(str(self._place.dist), name)
        if joined is None:
            return None
        path, dist = Path(joined).resolve(), self._place.dist.resolve()
        return path if path.is_file() and path.is_relative_to(dist) else None

    def _page(self) -> Response:
        prefix = request.script_root
        try:
            html = (self._place.dist / "index.html").read_text(encoding="utf-8")
        except FileNotFoundError:
            return waiting_page(self._place, prefix, shows_log=access().is_open)
        response = Response(_with_base(html, prefix), mimetype="text/html")
        response.headers["Content-Security-Policy"] = _POLICY
        return _revalidated(response)


def _wants_page() -> bool:
    """Whether a person's browser goes to an address: not what a page loads, nor what a program asks for."""
    accepted = [name for name, _ in request.accept_mimetypes]
    return "text/html" in accepted or ("*/*" in accepted and "." not in request.path.rpartition("/")[2])


def _with_base(html: str, prefix: str) -> str:
    """Return the page with its own address in it, from which all others of its follow."""
    base = f'<base href="{escape(prefix, quote=True)}/">'
    if _BASE.search(html):
        return _BASE.sub(lambda _: base, html, count=1)
    return _HEAD.sub(lambda found: found[0] + base, html, count=1)


def _file(path: Path, cache_control: str) -> Response:
    mimetype = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    packed, encoding = _choose_packed(path)
    response = Response(packed.read_bytes(), mimetype=mimetype)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Cache-Control"] = cache_control
    return _revalidated(response)


def _choose_packed(path: Path) -> tuple[Path, str | None]:
    """Return the copy that was packed when the app was built, where there is one and it is understood."""
    accepted = {name.lower() for name, quality in request.accept_encodings if quality > 0}
    for encoding, end in _PACKED:
        packed = path.with_name(path.name + end)
        if encoding in accepted and packed.is_file():
            return packed, encoding
    return path, None


def _revalidated(response: Response) -> Response:
    """Give it an ETag, and answer 304 where the browser has it."""
    response.headers.setdefault("Cache-Control", "no-cache")
    digest = hashlib.blake2b(response.get_data(), digest_size=16)
    response.set_etag(digest.hexdigest(), weak=True)
    response.make_conditional(request)
    return response
