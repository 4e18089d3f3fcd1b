"""The simulator's own paths under ``/simulator``, neither logged nor weighed.

========  ======================  ==================================================================
GET       /simulator/clock        ``{"now_ms", "speed", "skew_ms"}``
POST      /simulator/clock        any of ``{"now_ms", "advance_ms", "speed", "skew_ms"}``
GET       /simulator/faults       all faults, with how often each happened
POST      /simulator/faults       ``{"spec": "429:count=3"}`` or ``{"kind": "slow", "delay": 2, ...}``
DELETE    /simulator/faults[/ID]  takes all, or one, off the dial
GET       /simulator/market       all changes of the market
POST      /simulator/market       ``{"spec": "hole:minutes=3"}`` or ``{"kind": "hole", "minutes": 3, ...}``
DELETE    /simulator/market[/ID]  takes all, or one, back as if they had never been
GET       /simulator/requests     the request log; ``?since=N`` for what came after entry N
DELETE    /simulator/requests     empties it
========  ======================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from src.simulator.changes import build_change, parse_change
from src.simulator.clock import SimulatorClock
from src.simulator.fault_dial import FaultDial
from src.simulator.faults import build_fault, parse_fault
from src.simulator.grammar import SpecError
from src.simulator.market import Market
from src.simulator.request_log import RequestLog
from src.simulator.wire import Answer, Request, json_answer

PREFIX = "/simulator/"
UNTOUCHED = "a tape is served untouched: changes of the market need the computed one"


@dataclass(frozen=True, slots=True)
class Control:
    """Answers control requests by acting on the simulator's parts."""

    clock: SimulatorClock
    dial: FaultDial
    log: RequestLog
    market: Market | None

    def answer(self, request: Request) -> Answer:
        """Return 404 for what is not in the table above, and 400 with the reason for a wrong value."""
        name, _, rest = request.path.removeprefix(PREFIX).partition("/")
        act = _ACTIONS.get((request.method, name))
        if act is None or (rest and (request.method, name) not in _WITH_ID):
            return json_answer({"error": f"no {request.method} {request.path}"}, 404)
        try:
            return act(self, request, rest)
        except ValueError as error:
            return json_answer({"error": str(error)}, 400)

    def get_clock(self, _request: Request, _rest: str) -> Answer:
        now_ms, steady_ms = self.clock.read()
        return json_answer({"now_ms": now_ms, "speed": self.clock.speed, "skew_ms": now_ms - steady_ms})

    def set_clock(self, request: Request, rest: str) -> Answer:
        wish = _read_object(request, {"now_ms", "advance_ms", "speed", "skew_ms"})
        speed, now_ms, skew_ms = wish.get("speed"), _whole(wish, "now_ms"), _whole(wish, "skew_ms")
        self.clock.set(speed=None if speed is None else float(str(speed)))
        if skew_ms is not None:
            self.clock.add_skew(skew_ms)
        self.clock.set(now_ms)
        self.clock.advance(_whole(wish, "advance_ms") or 0)
        return self.get_clock(request, rest)

    def get_faults(self, _request: Request, _rest: str) -> Answer:
        return json_answer(self.dial.describe(self.clock.read().steady_ms))

    def add_fault(self, request: Request, _rest: str) -> Answer:
        wish = _read_object(request)
        if "spec" in wish:
            fault = parse_fault(str(wish["spec"]))
        else:
            fault = build_fault(str(wish.pop("kind", "")), wish)
        return json_answer({"id": self.dial.add(fault, self.clock.read().steady_ms)}, 201)

    def delete_faults(self, _request: Request, rest: str) -> Answer:
        return json_answer({"removed": self.dial.clear([int(rest)] if rest else None)})

    def get_changes(self, _request: Request, _rest: str) -> Answer:
        return json_answer(self._get_market().describe_changes())

    def add_change(self, request: Request, _rest: str) -> Answer:
        wish, now_ms = _read_object(request), self.clock.now_ms()
        if "spec" in wish:
            change = parse_change(str(wish["spec"]), now_ms)
        else:
            change = build_change(str(wish.pop("kind", "")), wish, now_ms)
        return json_answer({"id": self._get_market().add_change(change)}, 201)

    def delete_changes(self, _request: Request, rest: str) -> Answer:
        return json_answer({"removed": self._get_market().remove_changes([int(rest)] if rest else None)})

    def get_requests(self, request: Request, _rest: str) -> Answer:
        return json_answer(self.log.describe(int(request.query.get("since", "0"))))

    def delete_requests(self, _request: Request, _rest: str) -> Answer:
        self.log.clear()
        return json_answer({})

    def _get_market(self) -> Market:
        if self.market is None:
            raise SpecError(UNTOUCHED)
        return self.market


_ACTIONS: dict[tuple[str, str], Callable[[Control, Request, str], Answer]] = {
    ("GET", "clock"): Control.get_clock,
    ("POST", "clock"): Control.set_clock,
    ("GET", "faults"): Control.get_faults,
    ("POST", "faults"): Control.add_fault,
    ("DELETE", "faults"): Control.delete_faults,
    ("GET", "market"): Control.get_changes,
    ("POST", "market"): Control.add_change,
    ("DELETE", "market"): Control.delete_changes,
    ("GET", "requests"): Control.get_requests,
    ("DELETE", "requests"): Control.delete_requests,
}
_WITH_ID = {("DELETE", "faults"), ("DELETE", "market")}


def _read_object(request: Request, accepted: set[str] | None = None) -> dict[str, object]:
    content = orjson.loads(request.body)  # its error is a ValueError
    if not isinstance(content, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004  the client's error, answered 400
    if accepted is not None and (not content or content.keys() - accepted):
        raise ValueError(f"the body must have some of {', '.join(sorted(accepted))} and nothing else")
    return content


def _whole(wish: dict[str, object], name: str) -> int | None:
    value = wish.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{name} must be a whole number of milliseconds")
