import { duration, fromNow, timeText } from "./time";

const AT = Date.UTC(2026, 0, 9, 14, 30, 5);

it("shows a time in UTC as precisely as asked for", () => {
  expect(timeText(AT, "utc", "day")).toBe("2026-01-09");
  expect(timeText(AT, "utc")).toBe("2026-01-09 14:30");
  expect(timeText(AT, "utc", "second")).toBe("2026-01-09 14:30:05");
  expect(timeText(Date.UTC(2026, 0, 9), "utc", "clock")).toBe("00:00:00");
});

it.each([
  [0, "0 s"],
  [400, "under 1 s"],
  [65_000, "1 min 5 s"],
  [3_600_000, "1 h"],
  [183_600_000, "2 d 3 h"],
  [null, "–"],
])("tells %s milliseconds as %s", (ms, told) => expect(duration(ms)).toBe(told));

it("tells how far away a time is", () => {
  expect(fromNow(AT - 180_000, AT)).toBe("3 min ago");
  expect(fromNow(AT + 7_200_000, AT)).toBe("in 2 h");
  expect(fromNow(AT, AT)).toBe("now");
});
