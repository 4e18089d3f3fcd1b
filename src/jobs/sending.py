"""Sends messages through Apprise, to one address at a time. Addresses hold passwords: none is ever shown.

Apprise is imported when the first message goes out: it takes its time, and 20 MB.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from urllib.parse import unquote

from src.errors import Stopped
from src.stopping import Stop, current_stop, run_abandonable
from src.warehouse.notifications import Severity

# What the least of the chat services takes in one message is 2000 characters.
_LONGEST_BODY = 1500
_PATIENCE_S = 30.0
_TIMEOUT = "timeout"
# What Apprise calls them.
_TYPES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.ERROR: "failure"}


@dataclass(frozen=True, slots=True)
class Message:
    """What a person gets."""

    title: str
    body: str
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go; *label* names it without telling a secret."""

    url: str
    label: str


def list_targets(urls: str | None) -> list[Target]:
    """Return the targets of addresses that stand with blanks between them."""
    found = (urls or "").split()
    return [Target(url, f"target {n} ({url.partition(':')[0]}://)") for n, url in enumerate(found, 1)]


def find_unusable(urls: str) -> list[str]:
    """Name the targets whose addresses Apprise does not understand."""
    return [target.label for target in list_targets(urls) if not _load().Apprise().add(target.url)]


def send(target: Target, message: Message, patience_s: float = _PATIENCE_S) -> str | None:
    """Send now and return None, or why it did not go; Stopped when this thread is asked to stop meanwhile.

    What was given up after *patience_s* may arrive all the same: twice is better than never.
    """
    limit = Stop(current_stop())
    timer = threading.Timer(patience_s, limit.set, [_TIMEOUT])
    timer.daemon = True
    timer.start()
    try:
        return run_abandonable(lambda: _send(target, message), limit)
    except Stopped:
        if limit.reason != _TIMEOUT:
            raise
        return f"no answer within {patience_s:g} s"
    finally:
        timer.cancel()


def _send(target: Target, message: Message) -> str | None:
    apprise = _load()
    asset = apprise.AppriseAsset(
        app_id="Candlehouse",
        app_desc="Candlehouse",
        app_url="",
        # Pictures would be fetched from Apprise's own site.
        image_url_mask=None,
        image_path_mask=None,
        async_mode=False,
    )
    sender = apprise.Apprise(asset=asset)
    if not sender.add(target.url):
        return "Apprise does not understand the address"
    body = message.body if len(message.body) <= _LONGEST_BODY else f"{message.body[: _LONGEST_BODY - 2]} …"
    result = sender.notify(body=body, title=message.title, notify_type=_TYPES[message.severity])
    if result:
        return None
    told = " ".join(entry.message for entry in result.logs())
    return _without_secrets(told, target.url) or "it was refused"


@cache
def _load() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what its plugins import; nothing we could mend
        import apprise  # noqa: PLC0415  see above

        apprise.Apprise().add("json://localhost")  # makes it import its plugins
    # What it has to say is in its results, from warnings on; its log would repeat that at each attempt, and
    # tells secrets when it is asked for more.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    return apprise


def _without_secrets(text: str, url: str) -> str:
    """Take every part of *url* out of an error's text: in which part the secret is differs by service."""
    parts = {part for form in (url, unquote(url)) for part in re.split(r"[/:@?&=+,;#]+", form)[1:]}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) > 3:
            text = text.replace(part, "***")
    return text
