"""What routes share that ask for work: the settings as they are, the exchange without waiting, who leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from src.api.context import note, parts, requested_by, warehouse
from src.api.problems import Problem, conflict, invalid
from src.api.schemas import Out
from src.errors import Stopped
from src.extract.binance_errors import ILLEGAL_CHARACTERS, INVALID_SYMBOL, Refused
from src.extract.exchange import UnknownSymbols
from src.jobs.asking import enqueue_job
from src.mutable_settings import effective
from src.settings import Settings
from src.warehouse.app_settings import read_settings
from src.warehouse.runs import find_unfinished


class AskedOut(Out):
    """Work that was asked for: the process that leads does it."""

    job_id: int | None = Field(description="The run's number; null where there is nothing to do.")
    is_led: bool = Field(description="Whether a process leads at the moment; else it waits for one.")


def asked(run_id: int | None, what: str) -> AskedOut:
    """Tell of a run that was queued, and the audit log too."""
    note(f"{what}: run {run_id}" if run_id else f"{what}: nothing to do")
    return AskedOut(job_id=run_id, is_led=is_led())


def is_led() -> bool:
    """Whether some process executes what waits."""
    return parts().leadership.find_leader() is not None


def ask_run(kind: str, parameters: Mapping[str, Any]) -> AskedOut:
    """Queue a run; 409 where the job that it is of is under way."""
    new = parts().new_run(kind, requested_by(), parameters)
    run_id = enqueue_job(warehouse(), new)
    if run_id is None:
        with warehouse().read() as connection:
            under_way = find_unfinished(connection, new.job_id or kind)
        raise conflict(f"{kind} is under way already: run {under_way}", "under-way")
    return asked(run_id, kind)


def settings_now(connection: Connection) -> Settings:
    """Return the settings with what people have changed of them."""
    return effective(parts().settings, read_settings(connection))


@contextmanager
def asking_exchange(symbol: str | None = None) -> Iterator[None]:
    """Tell who asks the exchange within that they would have to wait for the budget.

    422 names the symbols that it does not know: those that it names, or *symbol*, which is asked about.
    """
    try:
        yield
    except UnknownSymbols as error:
        raise _unknown(error.exchange, error.unknown) from None
    except Refused as error:
        if symbol is None or error.code not in {INVALID_SYMBOL, ILLEGAL_CHARACTERS}:
            raise
        raise _unknown(error.exchange, [symbol]) from None
    except Stopped:
        raise Problem(
            503,
            "exchange-busy",
            "the exchange cannot be asked this moment: this minute's share of its budget is used up, or "
            "another call tries whether it works again; ask again in a minute",
            headers={"Retry-After": "30"},
        ) from None


def _unknown(exchange: str, symbols: Sequence[str]) -> Problem:
    return invalid(
        "symbols",
        f"{exchange} has no {', '.join(symbols)}",
        "symbols as the exchange spells them; /api/config/exchange-symbols?search=... finds them",
    )
