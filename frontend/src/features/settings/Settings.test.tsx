import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import type { Setting } from "@/api/types";
import { makeSession } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, refuses, server, takes } from "@/test/server";
import { Access } from "./Access";
import { titleOf } from "./groups";
import { keepWords } from "./KeepFor";
import { Notifying } from "./Notifying";
import { Values } from "./Values";

function makeSetting(name: string, over: Partial<Setting> = {}): Setting {
  return {
    name,
    value: "90",
    source: "default",
    locked_by: null,
    accepted: "a whole number",
    problem: null,
    ...over,
  };
}

const withSettings = (...settings: Setting[]) => answers("/api/config/settings", { settings });

it("saves a setting that was changed, and nothing else", async () => {
  const sent: unknown[] = [];
  server.use(
    withSettings(makeSetting("keep_days"), makeSetting("run_slots", { value: "16" })),
    http.put("*/api/config/settings", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ settings: [] });
    }),
  );
  renderPage(<Values />);
  const field = await screen.findByLabelText("Keep days");
  await userEvent.clear(field);
  await userEvent.type(field, "30");
  const [save] = screen
    .getAllByRole("button", { name: "Save" })
    .filter((one) => !one.hasAttribute("disabled"));
  if (!save) throw new Error("nothing can be saved");
  await userEvent.click(save);
  expect(await screen.findByText("Keep days is saved.")).toBeVisible();
  expect(sent).toEqual([{ values: { keep_days: "30" } }]);
});

it("shows what the environment sets as locked", async () => {
  server.use(
    withSettings(makeSetting("keep_days", { locked_by: "CANDLEHOUSE_KEEP_DAYS", source: "environment" })),
  );
  renderPage(<Values />);
  expect(await screen.findByText("set by CANDLEHOUSE_KEEP_DAYS")).toBeVisible();
  expect(screen.getByLabelText("Keep days")).toBeDisabled();
});

it("shows a setting that no group knows", async () => {
  server.use(withSettings(makeSetting("brand_new")));
  renderPage(<Values />);
  expect(await screen.findByRole("heading", { name: "Other" })).toBeVisible();
  expect(screen.getByLabelText("Brand new")).toHaveValue("90");
});

it("tells of each address whether the test arrived", async () => {
  server.use(
    withSettings(makeSetting("notify_urls", { value: "(set)", source: "app_settings" })),
    takes("/api/notifications/test", {
      results: [{ target: "target 1 (json://)", sent: false, error: "refused" }],
    }),
  );
  renderPage(<Notifying />);
  await userEvent.click(await screen.findByRole("button", { name: "Send a test" }));
  expect(await screen.findByText("refused")).toBeVisible();
});

it("asks to log in before it shows who has access", async () => {
  server.use(
    answers("/api/session", makeSession({ role: "viewer" })),
    refuses("/api/tokens", 403, "operators only"),
    refuses("/api/audit", 403, "operators only"),
  );
  renderPage(<Access />);
  expect(await screen.findByText("Only an operator sees who has access")).toBeVisible();
});

it("says in words for how long something is kept", () => {
  expect([null, 0, 1, 365].map(keepWords)).toEqual(["as the settings say", "for ever", "1 day", "365 days"]);
  expect(titleOf("disk_reserve_gb")).toBe("Disk reserve (GB)");
});
