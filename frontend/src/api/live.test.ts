import { QueryClient } from "@tanstack/react-query";
import { followEvents, onCandles, onPrices } from "./live";
import { keys } from "./queries";

/** A stream of events as a browser gives it, told by hand. */
class Stream extends EventTarget {
  static opened: Stream[] = [];
  isOpen = true;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    Stream.opened.push(this);
  }

  close() {
    this.isOpen = false;
  }

  tell(name: string, data: unknown, lastEventId = "") {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId }));
  }
}

function see(state: "visible" | "hidden") {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

const open = () => Stream.opened.filter((one) => one.isOpen);
const newest = () => Stream.opened.at(-1) as Stream;
const idIn = (url: string) => new URL(url).searchParams.get("last_event_id");

let cache: QueryClient;
let end: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Stream);
  Stream.opened = [];
  see("visible");
  cache = new QueryClient();
  for (const key of [keys.dashboard, keys.jobs, [...keys.statistics, "BTCUSDT"]]) cache.setQueryData(key, {});
  end = followEvents(cache);
});

afterEach(() => {
  end();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const isStale = (key: readonly string[]) => cache.getQueryState(key)?.isInvalidated;

it("gives its stream back when the page was hidden for ten seconds, and no sooner", () => {
  see("hidden");
  vi.advanceTimersByTime(9_000);
  see("visible");
  see("hidden");
  vi.advanceTimersByTime(9_000);
  expect(open()).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(open()).toHaveLength(0);
  vi.advanceTimersByTime(3_600_000);
  expect(Stream.opened).toHaveLength(1);
});

it("goes on where it was when the page is seen again, and asks for prices, which are not told", () => {
  expect(idIn(newest().url)).toBeNull();
  newest().tell("ready", {}, "1.2.3");
  newest().tell("jobs", {}, "1.2.4");
  newest().tell("jobs", {}); // one of several: its last alone has an id
  vi.advanceTimersByTime(1_000);
  see("hidden");
  vi.advanceTimersByTime(10_000);
  const told: unknown[] = [];
  const stop = onPrices((symbols) => told.push(symbols));
  see("visible");
  expect(open()).toHaveLength(1);
  expect(idIn(newest().url)).toBe("1.2.4");
  vi.advanceTimersByTime(1_000);
  expect(isStale(keys.dashboard)).toBe(true);
  expect(told).toEqual([null]);
  stop();
});

it("does not try again to reach the API while nobody looks", () => {
  newest().onerror?.();
  see("hidden");
  vi.advanceTimersByTime(60_000);
  const tried = Stream.opened.length;
  vi.advanceTimersByTime(60_000);
  expect(Stream.opened).toHaveLength(tried);
  expect(open()).toHaveLength(0);
  see("visible");
  expect(open()).toHaveLength(1);
});

it("makes stale what shows prices, once a second at most, and names the symbols", () => {
  const stale = vi.spyOn(cache, "invalidateQueries");
  const told: unknown[] = [];
  const stop = onPrices((symbols) => told.push(symbols));
  const symbols = [{ exchange: "binance", symbol: "BTCUSDT" }];
  newest().tell("prices", { symbols });
  newest().tell("prices", { symbols: null });
  vi.advanceTimersByTime(1_000);
  expect(stale).toHaveBeenCalledTimes(1);
  expect(isStale(keys.dashboard)).toBe(true);
  expect(isStale([...keys.statistics, "BTCUSDT"])).toBe(true);
  expect(isStale(keys.jobs)).toBe(false);
  expect(told).toEqual([symbols, null]);
  stop();
});

it("names the series that were loaded", () => {
  const told: unknown[] = [];
  const stop = onCandles((series) => told.push(series));
  newest().tell("candles", { series: null });
  expect(told).toEqual([null]);
  stop();
});
