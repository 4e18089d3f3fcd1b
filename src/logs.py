"""Logging for the whole process: readable lines on a terminal, JSON otherwise, always on stderr.

Our own events (structlog) and those of libraries (logging, warnings) leave by the same pipe, with UTC times.
What a line is about (exchange, symbol, interval) is bound by whoever logs it.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from src.clock import SystemClock
from src.domain import format_utc

# Libraries that tell of every job, connection and statement: worth reading in a hunt only.
_TALKATIVE = ("apscheduler", "sqlalchemy", "urllib3")
# These tell, with tracebacks, of connections to a store or exchange that is away: we tell that in one line.
_ALARMED = ("sqlalchemy.pool", "urllib3.connectionpool")
_clock = SystemClock()


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Write to whatever stderr is now; it can be exchanged after logging was configured."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def configure_logging(level: str) -> None:
    """Send everything of *level* (debug, info, warning, error) and above to stderr; may be called again."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_timestamp,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # module-level loggers must follow a later call
    )
    _install_handler(shared)
    logging.getLogger().setLevel(threshold)
    quiet = logging.INFO if threshold == logging.DEBUG else max(threshold, logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(quiet)
    for name in _ALARMED:
        logging.getLogger(name).setLevel(quiet if threshold == logging.DEBUG else logging.CRITICAL)
    logging.captureWarnings(capture=True)


def _install_handler(shared: list[Processor]) -> None:
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers()],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)


def _renderers() -> list[Processor]:
    """Choose by where stderr goes. Tracebacks show no local variables: those can hold secrets."""
    if sys.stderr.isatty():
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _add_timestamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["timestamp"] = format_utc(_clock.now_ms())
    return event
