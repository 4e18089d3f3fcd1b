"""The simulator as a whole: puts the parts together and leads each request past limits, faults and routes."""

from __future__ import annotations

import threading
from typing import Self

from src.domain import Interval, Window
from src.simulator.acting import act_out
from src.simulator.changes import MarketChange, parse_change
from src.simulator.clock import Reading, SimulatorClock
from src.simulator.config import SimulatorConfig
from src.simulator.control import PREFIX, UNTOUCHED, Control
from src.simulator.fault_dial import FaultDial
from src.simulator.faults import Fault, parse_fault
from src.simulator.grammar import SpecError
from src.simulator.limits import Verdict, WeightLimiter
from src.simulator.market import Market
from src.simulator.request_log import LoggedRequest, RequestLog
from src.simulator.routes import Routes, Source
from src.simulator.scenario import Scenario, ScenarioError, Skew, Step, load_scenario
from src.simulator.server import Reply, SimulatorServer
from src.simulator.slots import KlinesQuery
from src.simulator.tape import Tape
from src.simulator.wire import HTML_TYPE, Answer, Request, Row, error_answer


class Simulator:
    """An exchange on a port of this machine.

    The port is bound by the constructor; serving begins with ``serve_in_thread`` or ``serve_forever``.
    Usable in a ``with`` statement, which stops it. Raises ValueError (SpecError, ScenarioError, TapeError)
    for a wrong config, OSError for a port that is taken.
    """

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        config = config or SimulatorConfig()
        self.clock = SimulatorClock(config.clock, config.start_at_ms, config.speed)
        start_ms = self.clock.now_ms()
        self.scenario = load_scenario(config.scenario, start_ms) if config.scenario else Scenario(())
        self.faults = FaultDial(config.seed if self.scenario.seed is None else self.scenario.seed)
        self._log = RequestLog(config.log_size)
        self._source = _build_source(config, start_ms)
        self._routes = Routes(self._source, config.seed, config.weight_limit)
        self._limiter = WeightLimiter(config.weight_limit, config.calls_before_ban, config.first_ban_s)
        self._control = Control(self.clock, self.faults, self._log, self._find_market())
        for spec in config.faults:
            self.faults.add(parse_fault(spec), start_ms)
        for step in self.scenario.steps:
            self._play(step)
        self._stopping = threading.Event()
        self._server = SimulatorServer(config.host, config.port, self.handle)
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Return e.g. ``http://127.0.0.1:43210``: what BINANCE_BASE_URL is set to on this machine."""
        host, port = self._server.server_address[:2]
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host!s}:{port}"  # noqa: S104 - compared

    @property
    def requests(self) -> list[LoggedRequest]:
        """List what the exchange's paths were asked, oldest first."""
        return self._log.since()

    @property
    def symbols(self) -> list[str]:
        return [spec.symbol for spec in self._source.list_symbols(self.clock.now_ms())]

    def add_fault(self, spec: str) -> int:
        """Set a fault as the command line writes it, e.g. ``429:retry_after=2,count=3``; return its id."""
        return self.faults.add(parse_fault(spec), self.clock.read().steady_ms)

    def change_market(self, spec: str) -> int:
        """Change the market, e.g. ``hole:minutes=80,restored=+3h``, as of now; return the change's id."""
        market = self._find_market()
        if market is None:
            raise SpecError(UNTOUCHED)
        return market.add_change(parse_change(spec, self.clock.now_ms()))

    def clear_requests(self) -> None:
        self._log.clear()

    def truth(self, symbol: str, interval: Interval, window: Window, at_ms: int | None = None) -> list[Row]:
        """Return the rows of *window* as HTTP serves them at *at_ms*, in one piece, the forming one included.

        That is what a perfect client holds then, once it has looked again at what was amended or restored.
        *at_ms* is the exchange's time (default: now) and may lie ahead: ``scenario.ends_at_ms`` gives the
        truth in the end.
        """
        query = KlinesQuery(interval, window.start_ms, window.end_ms - 1, limit=2**62)
        return self._source.klines(symbol, query, self.clock.now_ms() if at_ms is None else at_ms)

    def handle(self, request: Request) -> Reply:
        """Answer one request; the server calls this from many threads at once."""
        if request.path.startswith(PREFIX):
            return self._control.answer(request), {}
        moment = self.clock.read()
        weight = self._routes.weigh(request)
        verdict = self._limiter.charge(request.address, weight, moment.now_ms)
        answer = self._answer(request, verdict, moment)
        self._log.append(request, answer, moment.steady_ms, weight)
        # An HTML page comes from something in front of the exchange, which knows no weights.
        weights = {} if answer.content_type == HTML_TYPE else {"X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        return answer, weights

    def serve_in_thread(self) -> Self:
        """Serve from a thread of its own and return at once."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="simulator", daemon=True
        )
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Serve until another thread calls ``stop`` or a signal handler raises, e.g. SystemExit.

        A signal handler must not call ``stop`` itself: it may interrupt the very wait that ``stop`` ends.
        """
        self.serve_in_thread()
        try:
            self._stopping.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop answering, cut connections that are kept alive, free the port. May be called twice."""
        self._stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _answer(self, request: Request, verdict: Verdict, moment: Reading) -> Answer:
        if verdict.status != 200:
            return _refuse(verdict, self._limiter.limit)
        fault = self.faults.pick(request, moment.steady_ms)
        if fault is None:
            return self._routes.answer(request, moment.now_ms)
        return act_out(
            fault,
            request,
            lambda asked: self._routes.answer(asked, moment.now_ms),
            self._stopping.wait,
            moment.now_ms,
        )

    def _play(self, step: Step) -> None:
        match step.action:
            case Fault() as fault:
                self.faults.add(fault, step.at_ms)
            case Skew(milliseconds):
                self.clock.add_skew(milliseconds, step.at_ms)
            case change:
                self._change_market(step.name, change)

    def _change_market(self, step_name: str, change: MarketChange) -> None:
        market = self._find_market()
        try:
            if market is None:
                raise SpecError(UNTOUCHED)
            market.add_change(change)
        except SpecError as error:
            raise ScenarioError(f"{step_name}: {error}") from error

    def _find_market(self) -> Market | None:
        """Return what can be changed: a tape cannot."""
        return self._source if isinstance(self._source, Market) else None


def _build_source(config: SimulatorConfig, now_ms: int) -> Source:
    if config.tape_files:
        return Tape(config.tape_files, now_ms)
    return Market(config.seed, config.symbols)


def _refuse(verdict: Verdict, limit: int) -> Answer:
    if verdict.status == 418:
        message = f"Way too much request weight used; IP banned until {verdict.until_ms}."
    else:
        message = f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
    return error_answer(verdict.status, -1003, message, verdict.retry_after_s)
