"""What came of a run that fills gaps, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from src.commands.run_views import counted


def fill_text(result: Mapping[str, Any]) -> str:
    """Return e.g. ``3 gaps asked, 0 filled, 3 had nothing there; 5,025 candles reloaded from the lake``."""
    return "; ".join(", ".join(part) for part in (list(_gaps(result)), list(_candles(result))) if part)


def _gaps(result: Mapping[str, Any]) -> Iterator[str]:
    if healed := result["gaps_healed"]:
        yield f"{counted(healed, 'gap')} filled from the lake"
    if asked := result["gaps_asked"]:
        yield f"{counted(asked, 'gap')} asked"
        yield f"{result['gaps_filled']:,} filled"
    elif not healed:
        yield "no gap was due"
    for name, words in (("gaps_empty", "had nothing there"), ("gaps_partly_empty", "had only a part")):
        if count := result[name]:
            yield f"{count:,} {words}"
    if ends := result["ends_asked"]:
        yield f"{counted(ends, 'end')} of series asked"


def _candles(result: Mapping[str, Any]) -> Iterator[str]:
    if reloaded := result["reloaded"]:
        yield f"{counted(reloaded, 'candle')} reloaded from the lake"
    if fetched := result["candles"]:
        yield f"{fetched:,} fetched, with those held between gaps"
