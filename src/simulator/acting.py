"""What an answer looks like when a fault happens to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from src.simulator.faults import Fault, FaultKind
from src.simulator.wire import HTML_TYPE, NO_ANSWER, Answer, Request, error_answer, json_answer

Respond = Callable[[Request], Answer]


def act_out(
    fault: Fault, request: Request, respond: Respond, wait: Callable[[float], object], now_ms: int
) -> Answer:
    """Return the answer as *fault* has it; *respond* gives the true one, *wait* sleeps seconds."""
    match fault.kind:
        case FaultKind.SLOW:
            # The answer is computed before the wait, as when the network is slow: whoever judges by the
            # time of arrival takes a forming candle for a closed one.
            answer = respond(request)
            wait(fault.delay)
            return answer
        case FaultKind.HALF_OPEN:
            wait(fault.delay)
            return NO_ANSWER
        case FaultKind.DROP:
            return replace(respond(request), sent_share=fault.share) if fault.share else NO_ANSWER
        case FaultKind.TRUNCATED_JSON | FaultKind.MICROSECONDS | FaultKind.EMPTY | FaultKind.DUPLICATE_ROWS:
            return _rewrite(fault, request, respond)
        case _:
            return _failure(fault, now_ms)


def _rewrite(fault: Fault, request: Request, respond: Respond) -> Answer:
    answer = respond(replace(request, microseconds=True) if fault.kind is FaultKind.MICROSECONDS else request)
    if fault.kind is FaultKind.TRUNCATED_JSON:
        return replace(answer, body=answer.body[: len(answer.body) // 2])
    if fault.kind is FaultKind.MICROSECONDS or answer.status != 200:
        return answer
    return _other_rows(fault, request, answer)


def _other_rows(fault: Fault, request: Request, answer: Answer) -> Answer:
    content = orjson.loads(answer.body)
    if fault.kind is FaultKind.DUPLICATE_ROWS:
        return json_answer(_repeat(content, fault.rows)[: int(request.query.get("limit", "500"))])
    return json_answer([] if isinstance(content, list) else {**content, "bids": [], "asks": []})


def _repeat(rows: list[object], count: int) -> list[object]:
    """Send *count* rows twice, evenly spread; the newest are pushed out when the page is full."""
    doubled = {(n + 1) * len(rows) // (count + 1) for n in range(count)}
    return [row for n, row in enumerate(rows) for row in [row] * (1 + (n in doubled))]


def _failure(fault: Fault, now_ms: int) -> Answer:
    match fault.kind:
        case FaultKind.TOO_MANY_REQUESTS:
            return error_answer(429, -1003, "Too many requests queued.", fault.retry_after)
        case FaultKind.BANNED:
            message = f"Way too many requests; IP banned until {now_ms + fault.retry_after * 1000}."
            return error_answer(418, -1003, message, fault.retry_after)
        case FaultKind.RESTRICTED:
            return error_answer(451, 0, "Service unavailable from a restricted location (simulated).")
        case FaultKind.REGION:
            return _page(fault.status, "This distribution is configured to block access from your country.")
        case FaultKind.HTML_BODY:
            return _page(fault.status, str(fault.status))
        case _:
            return error_answer(fault.status, fault.code, _SERVER_MESSAGES.get(fault.code, "Internal error."))


def _page(status: int, text: str) -> Answer:
    page = f"<html><head><title>{status}</title></head><body>{text}</body></html>\n"
    return Answer(status, page.encode(), HTML_TYPE)


_SERVER_MESSAGES = {
    -1000: "An unknown error occurred while processing the request.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
}
