import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { makeRun, makeSeries, NOW_MS } from "@/test/factories";
import { makeFinding } from "@/test/proofFactories";
import { renderPage } from "@/test/render";
import { answers, server, takes } from "@/test/server";
import { QualityPanel } from "./QualityPanel";

const LIST = "/api/quality";

beforeEach(() => {
  const series = [makeSeries()];
  server.use(
    answers("/api/data-ingestion/symbols-status", { exchange: "binance", now_ms: NOW_MS, series }),
    answers("/api/data-ingestion/status/12", { ...makeRun({ id: 12 }), steps: {}, events: [] }),
  );
});

it("shows what is odd, and that somebody has seen it once that was said", async () => {
  const sent: unknown[] = [];
  let findings = [
    makeFinding(),
    makeFinding({ id: 2, kind: "stale", detail: "late since 2026-01-08T05:00:00.000Z" }),
  ];
  server.use(
    answers(LIST, () => ({ findings, next_cursor: null })),
    http.post("*/api/quality/:id/acknowledge", ({ params }) => {
      sent.push(params.id);
      findings = findings.filter((one) => String(one.id) !== params.id);
      return HttpResponse.json(makeFinding({ acknowledged_ms: NOW_MS, acknowledged_by: "operator" }));
    }),
  );
  renderPage(<QualityPanel />, "/data?tab=quality");
  const table = await screen.findByRole("table", { name: "Findings" });
  expect(within(table).getByText("price jump")).toBeVisible();
  expect(within(table).getByText("2026-01-08 05:00")).toBeVisible(); // a time in a text, as all others
  const [day] = within(table).getAllByRole("link", { name: "2026-01-08" });
  expect(day).toHaveAttribute("href", "/data?tab=coverage&cell=BTCUSDT.1m.2026-01-08");
  await userEvent.click(within(table).getByRole("button", { name: "Acknowledge finding 1" }));
  await vi.waitFor(() => expect(within(table).queryByText("price jump")).not.toBeInTheDocument());
  expect(within(table).getByText("stale")).toBeVisible();
  expect(sent).toEqual(["1"]);
});

it("asks for what the address narrows it to, page by page", async () => {
  const asked: Record<string, string | null>[] = [];
  server.use(
    http.get(`*${LIST}`, ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(Object.fromEntries(["kind", "severity", "cursor"].map((name) => [name, query.get(name)])));
      const isFirst = query.get("cursor") === null;
      const findings = [makeFinding(isFirst ? {} : { id: 2, day: "2026-01-07" })];
      return HttpResponse.json({ findings, next_cursor: isFirst ? "more" : null });
    }),
  );
  renderPage(<QualityPanel />, "/data?tab=quality&kind=price_jump&severity=warning");
  await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
  expect(await screen.findByRole("link", { name: "2026-01-07" })).toBeVisible();
  expect(screen.getByRole("link", { name: "2026-01-08" })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Show more" })).not.toBeInTheDocument();
  const narrowed = { kind: "price_jump", severity: "warning" };
  expect(asked).toEqual([
    { ...narrowed, cursor: null },
    { ...narrowed, cursor: "more" },
  ]);
});

it("says that nothing is odd, and looks anew at the days that are chosen", async () => {
  const sent: unknown[] = [];
  server.use(
    answers(LIST, { findings: [], next_cursor: null }),
    takes("/api/quality/check", { job_id: 12, is_led: true }, sent),
  );
  renderPage(<QualityPanel />, "/data?tab=quality");
  expect(await screen.findByText("Nothing is odd")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Check now" }));
  expect(await screen.findByRole("link", { name: "run 12" })).toHaveAttribute("href", "/runs/12");
  expect(sent).toEqual([{ days: 2 }]);
});
