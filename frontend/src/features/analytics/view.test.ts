import { INTERVALS } from "@/lib/interval";
import { intervalFor, rangeFor, readView, spanOf, writeTime } from "./view";

const NOW = Date.UTC(2026, 10, 28, 21, 30);
const DAY = 86_400_000;
const reader = (query: string) => {
  const parameters = new URLSearchParams(query);
  return (name: string) => parameters.get(name);
};

it("reads a whole view from an address", () => {
  const view = readView(
    reader("symbol=ethusdt&interval=1h&range=1M&indicators=sma:50&compare=BTCUSDT&scale=log"),
  );
  expect(view).toMatchObject({
    symbol: "ETHUSDT",
    interval: "1h",
    range: "1M",
    compare: "BTCUSDT",
    scale: "log",
    hand: null,
  });
  expect(view.indicators).toEqual([{ kind: "sma", numbers: [50] }]);
});

it("takes what it does not know for what is usual", () => {
  const view = readView(reader("interval=7m&range=9Y&scale=upside-down&from=yesterday&to=now"));
  expect(view).toMatchObject({ symbol: null, interval: "5m", range: "1D", scale: "linear", hand: null });
});

it("reads a span by hand as UTC and writes it the same", () => {
  const { hand } = readView(reader("from=2026-01-09T14:30Z&to=2026-01-09T18:00"));
  expect(hand).toEqual({ fromMs: Date.UTC(2026, 0, 9, 14, 30), toMs: Date.UTC(2026, 0, 9, 18) });
  expect(writeTime(hand?.fromMs ?? 0)).toBe("2026-01-09T14:30Z");
  expect(readView(reader("from=2026-01-09T14:30Z&to=2026-01-09T14:30Z")).hand).toBeNull();
});

it("keeps the interval where a range can be read in it, else takes one that is kept and fits", () => {
  const span = (days: number) => ({ fromMs: NOW - days * DAY, toMs: NOW });
  expect(intervalFor(span(1), "5m", INTERVALS)).toBe("5m");
  expect(intervalFor(span(365), "5m", INTERVALS)).toBe("1d");
  expect(intervalFor(span(365), "5m", ["1h", "4h"])).toBe("4h");
  expect(intervalFor(span(1), "1d", INTERVALS)).toBe("3m");
});

it("keeps the range where an interval can be read in it", () => {
  const first = NOW - 900 * DAY;
  expect(rangeFor("1h", "1M", first, NOW)).toBe("1M");
  expect(rangeFor("1d", "1D", first, NOW)).toBe("1Y");
  expect(rangeFor("1m", "1Y", first, NOW)).toBe("1D");
  expect(spanOf("1Y", NOW - 30 * DAY, NOW).fromMs).toBe(NOW - 30 * DAY);
  expect(spanOf("All", first, NOW).fromMs).toBe(first);
});
