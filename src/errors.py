"""Every error this project raises on purpose, sorted by who has to act.

CandlehouseError
├── ConfigurationError        the operator: a setting or an argument is wrong (exit status 2)
├── SchemaError               the operator: the warehouse's schema is not the one this code needs
├── SourceError               an exchange did not give what was asked for
│   ├── SourceTransient       try again later: timeouts, 5xx, HTML bodies, truncated answers
│   │   ├── SourceBlocked     429 or 418: nobody calls that exchange before ``until_ms``
│   │   └── SourceResting     it seems ill as a whole: nobody calls it before ``until_ms``, then one tries
│   └── SourcePermanent       never try again as it is: unknown symbol, refused region
├── StoreUnavailable          a store cannot be reached or written; work goes on by itself when it is back
│   ├── LakeUnavailable
│   └── WarehouseUnavailable
├── NoRoom                    a disk is nearly full: what can be fetched later waits
├── LeadershipLost            another process leads; what this one was writing is rolled back
├── RunRevoked                a run may not write any more; what it was writing is rolled back
├── ObjectExists              a key of the lake is taken; objects are immutable
├── NotFound                  what was asked for is not there
├── BadObject                 an object's content cannot be trusted; it is quarantined
└── Stopped                   a wait or request was ended, since the process or the run was asked to stop

Errors carry data and build their own message: what, which series, what to do. Errors of libraries are
translated where they appear, with ``raise … from error``.
"""

from __future__ import annotations

from src.domain import format_utc


class CandlehouseError(Exception):
    """Base of all errors raised on purpose."""


class ConfigurationError(CandlehouseError):
    """A setting or argument is wrong; the message names it, its value and what is accepted."""


class SchemaError(CandlehouseError):
    """The warehouse is older or newer than this code; the message says which command mends it."""


class SourceError(CandlehouseError):
    """An exchange did not give what was asked for."""

    def __init__(self, exchange: str, message: str) -> None:
        super().__init__(f"{exchange}: {message}")
        self.exchange = exchange


class SourceTransient(SourceError):
    """The same request may work later."""


class SourceBlocked(SourceTransient):
    """The exchange told this address to wait (429) or banned it (418)."""

    def __init__(self, exchange: str, until_ms: int, reason: str) -> None:
        super().__init__(
            exchange,
            f"calls are blocked until {format_utc(until_ms)} ({reason}); "
            "they go on by themselves then, nothing needs to be done",
        )
        self.until_ms = until_ms
        self.reason = reason


class SourceResting(SourceTransient):
    """The exchange failed again and again, whatever was asked, and is left alone for a while."""

    def __init__(self, exchange: str, until_ms: int, reason: str) -> None:
        super().__init__(
            exchange,
            f"calls rest until {format_utc(until_ms)} ({reason}); one tries by itself then whether the "
            "exchange works again, nothing needs to be done",
        )
        self.until_ms = until_ms
        self.reason = reason


class SourcePermanent(SourceError):
    """The same request will never work; the message says what to change."""


class StoreUnavailable(CandlehouseError):
    """The lake or the warehouse cannot be reached or written; the message says what to check."""


class LakeUnavailable(StoreUnavailable):
    """The lake cannot be reached or written."""


class WarehouseUnavailable(StoreUnavailable):
    """The warehouse cannot be reached or written."""


class NoRoom(CandlehouseError):
    """A disk is nearly full, and what can be fetched later is not fetched now; the message says which."""


class LeadershipLost(CandlehouseError):
    """Another process leads: what this one was writing is rolled back, and left to the other."""

    def __init__(self, lease: str) -> None:
        super().__init__(
            f"the lease {lease!r} went to another process while this one was frozen or cut off: nothing of "
            "this transaction was written and nothing is lost, the other does the work"
        )
        self.lease = lease


class RunRevoked(CandlehouseError):
    """A run's right to write was taken from it: what it was writing is rolled back."""

    def __init__(self, run_id: int) -> None:
        super().__init__(
            f"run {run_id} may not write any more, it was ended or taken up again elsewhere: nothing of this "
            "transaction was written, and nothing before it is lost; "
            f"./candlehouse runs show {run_id} tells more"
        )
        self.run_id = run_id


class ObjectExists(CandlehouseError):
    """The key is taken. Objects are immutable, so the writer takes the next key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"object {key} already exists")
        self.key = key


class NotFound(CandlehouseError):
    """What was asked for is not there; *see* says which command shows what is, to who is at a terminal."""

    def __init__(self, what: str, see: str = "") -> None:
        super().__init__(f"{what}: {see}" if see else what)
        self.what = what


class BadObject(CandlehouseError):
    """An object of the lake cannot be loaded; *reason* says why, for a person to read."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"object {key}: {reason}")
        self.key = key
        self.reason = reason


class Stopped(CandlehouseError):
    """The process, or this run, was asked to stop; what was done so far stays done."""
