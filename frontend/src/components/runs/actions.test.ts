import { makeRun } from "@/test/factories";
import { makeBatch } from "@/test/runFactories";
import { whyNot } from "./actions";

it("offers of a run what its state allows", () => {
  const may = (state: Parameters<typeof makeRun>[0]) =>
    (["cancel", "pause", "resume", "retry"] as const).filter((doing) => !whyNot(doing, makeRun(state)));
  expect(may({ state: "queued" })).toEqual(["cancel", "pause"]);
  expect(may({ state: "running" })).toEqual(["cancel", "pause"]);
  expect(may({ state: "running", wish: "pause" })).toEqual(["cancel", "resume"]);
  expect(may({ state: "running", wish: "cancel" })).toEqual(["pause", "resume"]);
  expect(may({ state: "paused" })).toEqual(["cancel", "resume"]);
  expect(may({ state: "cancelled" })).toEqual(["resume"]);
  expect(may({ state: "failed" })).toEqual(["retry"]);
  expect(may({ state: "partly_failed" })).toEqual(["retry"]);
  expect(may({ state: "succeeded" })).toEqual([]);
});

it("goes by a batch's runs, not by its own state", () => {
  const { batch, counts } = makeBatch();
  expect(whyNot("retry", batch, counts)).toBe("None of its runs has failed.");
  expect(whyNot("retry", batch, { ...counts, failed: 1 })).toBeNull();
  expect(whyNot("resume", batch, { ...counts, cancelled: 1 })).toBeNull();
  expect(whyNot("pause", batch, { ...counts, queued: 0, running: 0 })).toBe(
    "None of its runs waits or works.",
  );
});
