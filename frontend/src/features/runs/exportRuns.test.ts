import { makeRun, NOW_MS } from "@/test/factories";
import { collect, exportRow } from "./exportRuns";

const page = (ids: number[], next_cursor: string | null) => ({
  runs: ids.map((id) => makeRun({ id })),
  next_cursor,
});

it("follows the cursors to the last page", async () => {
  const asked: (string | null)[] = [];
  const { runs, isCut } = await collect(async (cursor) => {
    asked.push(cursor);
    return cursor === null ? page([3, 2], "a") : page([1], null);
  });
  expect(asked).toEqual([null, "a"]);
  expect(runs.map((run) => run.id)).toEqual([3, 2, 1]);
  expect(isCut).toBe(false);
});

it("stops at the most, and says so", async () => {
  const { runs, isCut } = await collect(async () => page([1, 2], "more"), 3);
  expect(runs).toHaveLength(3);
  expect(isCut).toBe(true);
});

it("makes a row of a run, times in ISO 8601", () => {
  const error = { what: "no, not so", todo: null, series: null, window: null };
  expect(exportRow(makeRun({ finished_ms: NOW_MS, error, error_kind: "transient" }))).toMatchObject({
    id: 7,
    symbol: "BTCUSDT",
    started: "2026-01-09T14:29:51.000Z",
    finished: "2026-01-09T14:30:00.000Z",
    error: "no, not so",
  });
});
