"""Serving the API: gunicorn with threads where there is one, waitress elsewhere.

The socket is bound before anything else starts, so that a port that is taken is told at once and clearly.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask

from src.api.app import create_app
from src.api.operator_token import FROM_ENVIRONMENT, ensure_operator_token, token_file
from src.api.process import end_with_parent
from src.errors import ConfigurationError, StoreUnavailable
from src.settings import VARIABLES, Settings
from src.warehouse.engine import create_database
from src.wiring import build

log = structlog.get_logger()

# Most of them wait: streams of events hold one each.
THREADS = 128
_GRACE_S = 3
_LOOK_S = 3
_BACKLOG = 256


def serve(settings: Settings, tell: Callable[[str], None], *, with_parent: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C; *tell* a person where. *with_parent* also until stdin ends."""
    bound = bind(settings.host, settings.port)
    if with_parent:
        end_with_parent()
    for line in _welcome(settings, _address(settings.host, bound.getsockname()[1])):
        tell(line)
    run = run_waitress if sys.platform == "win32" else run_gunicorn
    run(lambda: create_app(settings), bound)


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; ConfigurationError says what to do where the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would share the port with whoever has it
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _cannot_bind(host, port, error) from error
    return bound


def _cannot_bind(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"port {port} of {host} is taken by another program, or another Candlehouse: end that one, or "
            f"set {VARIABLES['port']} to another port"
        )
    return ConfigurationError(
        f"{host}:{port} cannot be served ({error.strerror}): check {VARIABLES['host']} and "
        f"{VARIABLES['port']}"
    )


def _address(host: str, port: int) -> str:
    """Return where a browser on this machine finds it."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared
    return f"http://{everywhere.get(host, f'[{host}]' if ':' in host else host)}:{port}/"


def _welcome(settings: Settings, address: str) -> list[str]:
    """Say where to look, with the operator's token when it was made just now."""
    made = build(settings)
    try:
        # Of a server that hangs this is told soon; what an upgrade takes is waited for.
        create_database(made.warehouse.engine.url, _LOOK_S)
        made.starter.prepare_warehouse()
        operator = ensure_operator_token(settings, made.warehouse)
    except StoreUnavailable as error:
        log.error("the warehouse is away", error=str(error))
        return [f"open {address} (the warehouse is away: it answers as soon as that is back)"]
    finally:
        made.warehouse.close()
    if operator.is_new:
        return [f"open {address}?token={operator.secret}", "this link is shown once: its token may do all"]
    where = FROM_ENVIRONMENT if operator.secret is None else f"the file {token_file(settings)}"
    return [f"open {address} (the operator's token is in {where})"]


def run_gunicorn(make: Callable[[], Flask], bound: socket.socket) -> None:
    """Serve in a process of its own, started again should it ever crash; *bound* is closed at the end."""
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415 - there is none on Windows
    from gunicorn.glogging import Logger  # noqa: PLC0415

    class _Log(Logger):
        def setup(self, _cfg: Any) -> None:
            """Leave everything to our own logging, which gets it as the parent of this logger."""
            self.error_log.setLevel("WARNING")

    class _Server(BaseApplication):
        def load_config(self) -> None:
            for name, value in _gunicorn_settings(bound).items():
                self.cfg.set(name, value)
            self.cfg.set("logger_class", _Log)

        def load(self) -> Any:
            return make()

    _Server().run()


def _gunicorn_settings(bound: socket.socket) -> dict[str, Any]:
    return {
        "bind": f"fd://{bound.detach()}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": THREADS,
        "worker_connections": 1_000,
        "graceful_timeout": _GRACE_S,
        "keepalive": 75,
        # Who is believed, and about what, is for our own TrustedProxies.
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "proc_name": "candlehouse-api",
    }


def run_waitress(make: Callable[[], Flask], bound: socket.socket) -> None:
    import waitress  # noqa: PLC0415 - used where there is no gunicorn

    waitress.serve(make(), sockets=[bound], threads=THREADS, ident=None)


__all__ = ["THREADS", "bind", "run_gunicorn", "run_waitress", "serve"]
