"""Under which names and from which origins the API is asked, and through which proxies.

A page of another site must not reach us through its visitor's browser: neither by pointing its own name at
our address (the Host header), nor by sending a form (the Origin header).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Request
from werkzeug.middleware.proxy_fix import ProxyFix

from src.api.problems import Problem
from src.settings import Settings

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may ask at all, whatever token they have."""

    names: frozenset[str]
    origins: frozenset[str]
    takes_addresses: bool
    """Whether any address will do for a name: no site can make its own name look like one."""

    @classmethod
    def of(cls, settings: Settings) -> Gate:
        bound = {settings.host} if settings.host not in ("0.0.0.0", "::") else set()  # noqa: S104 - compared
        names = frozenset(name.lower() for name in {*settings.allowed_hosts, *_LOCAL_NAMES, *bound})
        return cls(names, frozenset(settings.cors_origins), not is_loopback(settings.host))

    def check_host(self, request: Request) -> None:
        name = _host_name(request.host)
        if name in self.names or (self.takes_addresses and _is_address(name)) or is_loopback(name):
            return
        raise Problem(
            403,
            "foreign-host",
            f"{name[:64]!r} is not a name of this Candlehouse: add it to CANDLEHOUSE_ALLOWED_HOSTS",
        )

    def check_origin(self, request: Request) -> None:
        """Refuse what a page of another origin sends; programs send no such header."""
        origin = request.headers.get("Origin")
        own = request.host_url.rstrip("/")
        if origin is None:
            if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
                return
            origin = "another site"
        elif origin == own or origin in self.origins:
            return
        raise Problem(
            403,
            "foreign-origin",
            f"{origin[:64]!r} may not change anything here, only pages of {own} may; "
            "CANDLEHOUSE_CORS_ORIGINS names others that may, too",
        )


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class TrustedProxies:
    """Believes forwarded headers (address, scheme, host, sub-path) where a trusted proxy sends them."""

    def __init__(self, app: Any, networks: Iterable[str]) -> None:
        self._direct = app
        self._proxied = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
        self._networks = [ipaddress.ip_network(one) for one in networks]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        app = self._proxied if self._is_trusted(environ.get("REMOTE_ADDR", "")) else self._direct
        return app(environ, start_response)

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)
