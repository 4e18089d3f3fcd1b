import { makeRun } from "@/test/factories";
import { retriedText } from "./useRunActions";
import { countsText, runTitle } from "./words";

it("calls runs by what they do and of what", () => {
  expect(runTitle(makeRun({ kind: "fetch_window" }))).toBe("Fetch BTCUSDT 1m");
  expect(runTitle(makeRun({ kind: "brand_new", symbol: null, interval: null }))).toBe("Brand new");
  const batch = { kind: "batch", symbol: null, interval: null };
  const parameters = { kind: "fetch_window", symbols: 3, intervals: ["1m", "1h"] };
  expect(runTitle(makeRun({ ...batch, parameters }))).toBe("Fetch 3 symbols, 1m and 1h");
});

it("tells the states that there are", () => {
  const none = { queued: 0, running: 0, paused: 0, succeeded: 0, partly_failed: 0, failed: 0, cancelled: 0 };
  expect(countsText({ ...none, running: 2, queued: 5, failed: 1 })).toBe("2 running · 5 waiting · 1 failed");
});

it("tells what a retry left, and that nobody leads", () => {
  expect(retriedText({ retried: [1, 2], permanent: [3], skipped_for_attempts: [], is_led: true })).toBe(
    "2 runs wait for their turn, and go on where they stopped. Left as they are: 1 run that failed for good.",
  );
  expect(retriedText({ retried: [], permanent: [3], skipped_for_attempts: [], is_led: true })).toBe(
    "Nothing is tried again. Left as they are: 1 run that failed for good.",
  );
  expect(retriedText({ retried: [1], permanent: [], skipped_for_attempts: [], is_led: false })).toContain(
    "No scheduler leads",
  );
});
