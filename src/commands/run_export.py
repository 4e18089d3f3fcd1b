"""Writes runs for other programs: CSV with a column for each thing known, or one JSON array."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from typing import TextIO

from src.commands.run_views import COLUMNS, run_json
from src.warehouse.runs import RunRow


def write_csv(pages: Iterable[Sequence[RunRow]], out: TextIO) -> None:
    """Write a heading and a line for each run; what is neither number nor text is JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for page in pages:
        writer.writerows([_cell(value) for value in run_json(run).values()] for run in page)


def write_json(pages: Iterable[Sequence[RunRow]], out: TextIO) -> None:
    """Write an array, a run on each line."""
    separator = "[\n"
    for page in pages:
        for run in page:
            out.write(separator + json.dumps(run_json(run), default=str))
            separator = ",\n"
    out.write("\n]\n" if separator == ",\n" else "[]\n")


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list | bool) else value
