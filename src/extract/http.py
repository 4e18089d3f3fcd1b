"""One polite HTTP client for exchanges: User-Agent, timeouts, proxies, pooling, errors in our words.

It sends exactly what it is told, once: no redirects, no hidden retries, because each request costs
weight that must be reserved first. What an answer means is for the exchange to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from requests.utils import select_proxy

from src.clock import Clock
from src.errors import SourcePermanent
from src.extract.breaker import SourceDown
from src.extract.deadline import AnswerTooLate, DeadlineAdapter
from src.stopping import Stop, current_stop, run_abandonable
from src.version import VERSION

USER_AGENT = f"candlehouse/{VERSION}"

# A ban lasts three days at most; a larger number in Retry-After is not meant seriously.
_LONGEST_WAIT_S = 7 * 86_400


class BadAddress(SourcePermanent):
    """An address, or the proxy before it, cannot be used as it is set; nothing was sent."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers and exact body; *at* times are our clock, *steady* times only measure durations.

    ``url`` is without parameters and without secrets.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at_ms: int
    sent_steady_ms: int
    received_at_ms: int
    received_steady_ms: int


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A request made ready, so that sending it is the very next thing after reserving its weight."""

    request: requests.PreparedRequest
    settings: Mapping[str, Any]


class HttpClient:
    """A session that threads share. *exchange* is only for the errors to name.

    *read_timeout_s* bounds each silence of the other side, *total_timeout_s* the whole answer. *stop* ends
    requests on the wire at once, for threads whose work nothing else stops.
    """

    def __init__(
        self,
        exchange: str,
        clock: Clock,
        pool_size: int = 32,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 15.0,
        total_timeout_s: float = 30.0,
        stop: Stop | None = None,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._stop = stop
        self._timeout = (connect_timeout_s, read_timeout_s)
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        # Cookies would be the one thing threads change under each other's hands.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(
                scheme, DeadlineAdapter(total_timeout_s, pool_maxsize=pool_size, max_retries=0)
            )

    def prepare(self, url: str, params: Mapping[str, str | int]) -> PreparedCall:
        """Build a GET with the proxies and certificates of the environment."""
        try:
            request = self._session.prepare_request(requests.Request("GET", url, params=dict(params)))
        except (InvalidURL, MissingSchema, InvalidSchema) as error:
            raise self._bad_address(url, error) from error
        settings = self._session.merge_environment_settings(request.url or url, {}, False, None, None)
        return PreparedCall(request, settings)

    def send(self, call: PreparedCall) -> HttpAnswer:
        """Send once and read the whole answer, whatever its status; SourceDown when none came.

        Stopped, at once, when that is asked for meanwhile: what is on the wire is left to its timeouts.
        """
        return run_abandonable(lambda: self._send(call), current_stop() or self._stop)

    def _send(self, call: PreparedCall) -> HttpAnswer:
        sent_at_ms, sent_steady_ms = self._clock.now_ms(), self._clock.steady_ms()
        try:
            response = self._session.send(
                call.request, timeout=self._timeout, allow_redirects=False, **call.settings
            )
        except (InvalidURL, MissingSchema, InvalidSchema) as error:
            raise self._bad_address(str(call.request.url), error, call) from error
        except requests.RequestException as error:
            raise SourceDown(self._exchange, self._describe(error, call)) from error
        return HttpAnswer(
            url=without_secrets(str(call.request.url)),
            status=response.status_code,
            headers=response.headers,
            body=response.content,
            sent_at_ms=sent_at_ms,
            sent_steady_ms=sent_steady_ms,
            received_at_ms=self._clock.now_ms(),
            received_steady_ms=self._clock.steady_ms(),
        )

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _bad_address(self, url: str, error: Exception, call: PreparedCall | None = None) -> BadAddress:
        why = f"{without_secrets(url)} cannot be asked ({error}): check the base URL and proxies"
        if call and "SOCKS" in str(error):
            todo = ".venv/bin/pip install PySocks, or name an HTTP proxy there"
            why = f"{_proxy(call)} speaks SOCKS, and the package for that is not installed: {todo}"
        return BadAddress(self._exchange, why)

    def _describe(self, error: requests.RequestException, call: PreparedCall) -> str:
        connect_s, read_s = self._timeout
        root, host = _root(error), urlsplit(without_secrets(str(call.request.url))).netloc
        if isinstance(root, AnswerTooLate):
            return f"{host}: {root}"
        if isinstance(error, requests.exceptions.ProxyError):
            todo = "check that it runs, or that variable, or name the exchange in NO_PROXY"
            return f"{_proxy(call)} failed ({_name(root)}): {todo}"
        if isinstance(error, requests.ConnectTimeout):
            return f"{host}: no connection within {connect_s:g} s: check the network, a proxy or a firewall"
        if isinstance(error, requests.ReadTimeout):
            return f"{host}: no answer within {read_s:g} s"
        return f"{host}: no complete answer ({_name(root)})"


def find_json(body: bytes) -> Any:
    """Return what *body* says, or None when it is not complete JSON (an HTML page, a truncated answer)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def find_retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, None when it is missing or no sane number."""
    text = headers.get("Retry-After", "").strip()
    return sane_wait_s(int(text)) if text.isascii() and text.isdigit() else None


def sane_wait_s(seconds: float) -> float | None:
    """Return a wait of at least a second, None when no exchange would mean it."""
    return max(1.0, float(seconds)) if 0 <= seconds <= _LONGEST_WAIT_S else None


def excerpt(body: bytes, length: int = 120) -> str:
    """Return the start of a body on one line, for an error text."""
    text = " ".join(body[: length * 4].decode("utf-8", "replace").split())
    return repr(text[:length] + ("…" if len(text) > length else ""))


def without_secrets(url: str) -> str:
    """Drop user, password and query, should somebody's URL hold any."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _proxy(call: PreparedCall) -> str:
    """Name the proxy that a call goes through, and the variable that says so."""
    url, proxies = str(call.request.url), dict(call.settings["proxies"])
    scheme = urlsplit(url).scheme
    variable = f"{scheme if scheme in proxies else 'all'}_proxy".upper()
    return f"the proxy {without_secrets(str(select_proxy(url, proxies)))} of {variable}"


def _root(error: BaseException) -> BaseException:
    """Return the innermost cause: the libraries' own text repeats itself and the whole URL."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
