import { dayOf, daysWindow } from "./days";

const DAY = Date.UTC(2026, 0, 9);

it.each([
  ["2026-01-09", "2026-01-09", { start: DAY, end: DAY + 86_400_000 }],
  ["2026-01-09", "2026-01-11", { start: DAY, end: DAY + 3 * 86_400_000 }],
  ["2026-01-09", "2026-01-08", null],
  ["2026-02-31", "2026-03-01", null],
  ["", "2026-01-08", null],
])("from %s to %s is %j", (first, last, window) => expect(daysWindow(first, last)).toEqual(window));

it("knows a moment's day", () => expect(dayOf(DAY + 86_399_999)).toBe("2026-01-09"));
