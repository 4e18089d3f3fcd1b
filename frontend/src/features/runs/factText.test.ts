import { factName, factParts, factText, isWorthShowing } from "./factText";

it("names and tells values by the unit in their names", () => {
  expect(factName("freed_bytes")).toBe("Freed");
  expect(factText("freed_bytes", 1_500_000)).toBe("1.5 MB");
  expect(factText("took_ms", 61_000)).toBe("1 min 1 s");
  expect(factText("start_ms", Date.UTC(2026, 0, 9))).toBe("2026-01-09T00:00:00.000Z");
  expect(factText("done", 12345)).toBe("12,345");
  expect(factText("dry_run", false)).toBe("no");
  expect(factText("symbols", ["A", "B"])).toBe("A, B");
  expect(factText("failures", {})).toBe("none");
});

it("leaves what has parts to be set in", () => {
  expect(factText("loaded", { objects: 10 })).toBeNull();
  expect(factParts([{ a: 1 }])).toEqual([["1", { a: 1 }]]);
  expect([null, undefined, {}, []].map(isWorthShowing)).toEqual([false, false, false, false]);
  expect(isWorthShowing({ a: 1 })).toBe(true);
});
