"""Draws how much there was day by day, as a picture for docs/operations.md."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.ageing_life import Plan, Sample

_DRAWN = (
    ("files", "files in the lake"),
    ("inodes", "inodes of the lake"),
    ("lake_bytes", "bytes in the lake"),
    ("catalog_rows", "rows of the catalog"),
    ("facts", "minute candles"),
    ("warehouse_bytes", "bytes of the warehouse"),
)
_WIDTH, _HEIGHT, _GAP, _LABEL = 340, 90, 30, 26
_STYLE = (
    "text{font:12px sans-serif;fill:#57606a}polyline{fill:none;stroke:#0969da;stroke-width:1.5}"
    "line{stroke:#d0d7de}@media(prefers-color-scheme:dark){text{fill:#8b949e}polyline{stroke:#58a6ff}"
    "line{stroke:#30363d}}"
)


def draw(samples: Sequence[Sample], plan: Plan) -> str:
    """Return the picture: a curve for each, from nought to its most."""
    rows = -(-len(_DRAWN) // 2)
    width, height = 2 * _WIDTH + 3 * _GAP, rows * (_HEIGHT + _LABEL + _GAP) + _GAP + _LABEL
    parts = [_panel(samples, name, title, number) for number, (name, title) in enumerate(_DRAWN)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(str(plan))}"><style>{_STYLE}</style>'
        f'<text x="{_GAP}" y="18">{escape(str(plan))}</text>{"".join(parts)}</svg>\n'
    )


def _panel(samples: Sequence[Sample], name: str, title: str, number: int) -> str:
    values = [getattr(one, name) for one in samples]
    most = max(values) or 1
    left = _GAP + number % 2 * (_WIDTH + _GAP)
    top = _LABEL + _GAP + number // 2 * (_HEIGHT + _LABEL + _GAP)
    step = _WIDTH / max(1, len(values) - 1)
    points = " ".join(
        f"{left + place * step:.1f},{top + _HEIGHT * (1 - value / most):.1f}"
        for place, value in enumerate(values)
    )
    base = top + _HEIGHT
    return (
        f'<text x="{left}" y="{top - 8}">{title}: at most {most:,}</text>'
        f'<line x1="{left}" y1="{base}" x2="{left + _WIDTH}" y2="{base}"/><polyline points="{points}"/>'
    )
