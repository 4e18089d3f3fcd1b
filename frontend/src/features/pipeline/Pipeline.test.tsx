import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeObject } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, server, takes } from "@/test/server";
import { perMinute } from "./flow";
import { IngestionLog } from "./IngestionLog";
import { Quarantine } from "./Quarantine";

it.each([
  [0, "0"],
  [3, "under 0.1"],
  [24, "0.4"],
  [134_134, "2,236"],
])("tells %i an hour as %s a minute", (inHour, rate) => expect(perMinute(inHour)).toBe(rate));

it("goes on to older objects", async () => {
  let asked = 0;
  server.use(
    answers("/api/ingestion/logs", () => {
      asked += 1;
      return { objects: [makeObject({ id: 10 - asked })], next_cursor: asked === 1 ? "older" : null };
    }),
  );
  renderPage(<IngestionLog />);
  await userEvent.click(await screen.findByRole("button", { name: "Show older ones" }));
  expect(await screen.findByText("2 objects shown, that is all")).toBeVisible();
});

it("shows why something was set aside, and tries it again", async () => {
  const object = makeObject({ id: 4, state: "quarantined" });
  server.use(
    answers("/api/quarantine", {
      next_cursor: null,
      entries: [{ object, row_count: 1, rows: [{ index: 3, reason: "high is below low", raw: "[1,2]" }] }],
    }),
    takes("/api/quarantine/4/retry", { ok: true }),
  );
  renderPage(<Quarantine />);
  expect(await screen.findByText(/Row 3: high is below low/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Object 4 waits to be loaded again.")).toBeVisible();
});
