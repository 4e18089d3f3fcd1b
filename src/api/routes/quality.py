"""What is odd about the data."""

from __future__ import annotations

from datetime import date

from src.api.context import warehouse
from src.api.known import check_symbols
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.routing import Routes
from src.api.schemas import Out, SymbolName, parameter
from src.domain import Interval
from src.warehouse.quality import FindingFilter, FindingKind, FindingRow, Severity, list_findings

routes = Routes("quality", "What is odd about the data.")


class QualityQuery(Paged):
    symbol: list[SymbolName] = parameter([], about="Only of these; may be given several times.")
    kind: list[FindingKind] = parameter([], about="Only these kinds.")
    severity: list[Severity] = parameter([], about="Only these severities.")
    since: date | None = parameter(None, about="From that UTC day on.")
    acknowledged: bool = parameter(False, about="Whether those are listed that somebody has acknowledged.")


class FindingOut(Out):
    id: int
    exchange: str
    symbol: str
    interval: Interval
    day: date
    kind: FindingKind
    severity: Severity
    count: int
    detail: str
    found_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None


class QualityOut(Page):
    findings: list[FindingOut]


@routes.get("/api/quality", responses={200: QualityOut})
def quality(query: QualityQuery) -> QualityOut:
    """List what is odd about the data, the newest day first."""
    check_symbols(query.symbol)
    start = (read_cursor(query.cursor, int) or (0,))[0]
    wanted = FindingFilter(query.symbol, query.kind, query.severity, query.since, not query.acknowledged)
    with warehouse().read() as connection:
        found = list_findings(connection, wanted, start + query.limit + 1)[start:]
    page, cursor = split_page(found, query.limit, lambda _: make_cursor(start + query.limit))
    return QualityOut(findings=list(map(_finding, page)), next_cursor=cursor)


def _finding(row: FindingRow) -> FindingOut:
    key, finding = row.series, row.finding
    return FindingOut(
        id=row.id,
        exchange=key.exchange,
        symbol=key.symbol,
        interval=key.interval,
        day=finding.date,
        kind=finding.kind,
        severity=finding.severity,
        count=finding.count,
        detail=finding.detail,
        found_ms=row.found_ms,
        acknowledged_ms=row.acknowledged_ms,
        acknowledged_by=row.acknowledged_by,
    )
