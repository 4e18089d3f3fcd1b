import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeJob, NOW_MS } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, refuses, server, takes } from "@/test/server";
import { readParameters } from "./readParameters";
import { Component } from "./Scheduler";

const CYCLE = makeJob("cycle", { title: "Cycle", schedule: "every 1min", in_words: "every minute" });

beforeEach(() => {
  server.use(
    answers("/api/scheduler/leader", {
      is_led: true,
      holder: "process 1 on host a",
      since_ms: NOW_MS,
      heartbeat_ms: NOW_MS,
      until_ms: NOW_MS + 20_000,
    }),
    answers("/api/scheduler/jobs", { now_ms: NOW_MS, is_led: true, jobs: [CYCLE] }),
  );
});

it("shows the next five times before a schedule is saved", async () => {
  const sent: unknown[] = [];
  const times = [0, 1, 2, 3, 4].map((day) => NOW_MS + day * 86_400_000);
  server.use(
    answers("/api/scheduler/preview", {
      schedule: "0 3 * * *",
      time_zone: "UTC",
      in_words: "daily at 03:00 UTC",
      next_times_ms: times,
    }),
    takes("/api/scheduler/jobs/cycle/schedule", { ...CYCLE, in_words: "daily at 03:00 UTC" }, sent),
  );
  renderPage(<Component />);
  await userEvent.click(await screen.findByRole("button", { name: "Edit Cycle" }));
  const field = await screen.findByLabelText(/Schedule/);
  await userEvent.clear(field);
  await userEvent.type(field, "0 3 * * *");
  const list = await screen.findByRole("list", { name: "The next five times" });
  expect(within(list).getAllByRole("listitem")).toHaveLength(5);
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText("Cycle now runs daily at 03:00 UTC.")).toBeVisible();
  expect(sent).toEqual([{ schedule: "0 3 * * *", time_zone: "UTC" }]);
});

it("does not save a schedule that the server does not take", async () => {
  server.use(refuses("/api/scheduler/preview", 422, "schedule: '61' is no minute"));
  renderPage(<Component />);
  await userEvent.click(await screen.findByRole("button", { name: "Edit Cycle" }));
  expect(await screen.findByText("schedule: '61' is no minute")).toBeVisible();
  expect(screen.getByRole("button", { name: "Save" })).toBeDisabled();
});

it("tells when nobody is there to run what was asked for", async () => {
  server.use(takes("/api/scheduler/jobs/cycle/trigger", { job_id: 9, is_led: false, is_new: true }));
  renderPage(<Component />);
  await userEvent.click(await screen.findByRole("button", { name: "Run Cycle now" }));
  expect(await screen.findByText(/waits for a scheduler/)).toBeVisible();
});

it("reads parameters, or says what is wrong with them", () => {
  expect(readParameters('{"days": 2}')).toEqual({ parameters: { days: 2 } });
  expect(readParameters("[1]").error).toMatch(/braces/);
  expect(readParameters("{days}").error).toMatch(/not JSON/);
});
