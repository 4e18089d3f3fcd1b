import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { makeRun, makeSeries, NOW_MS } from "@/test/factories";
import { makeVerified, makeVerifiedDay } from "@/test/proofFactories";
import { renderPage } from "@/test/render";
import { answers, server, takes } from "@/test/server";
import { ProofPanel } from "./ProofPanel";

const RESULTS = "/api/verify/results";

beforeEach(() => {
  const series = [makeSeries()];
  server.use(
    answers("/api/data-ingestion/symbols-status", { exchange: "binance", now_ms: NOW_MS, series }),
    answers("/api/data-ingestion/status/12", { ...makeRun({ id: 12 }), steps: {}, events: [] }),
  );
});

it("shows how each day compared, counted by how", async () => {
  const wrong = makeVerifiedDay({
    day: "2026-01-07",
    state: "differs",
    is_fault: true,
    detail: "2026-01-07T05:00:00.000Z: close 1 here, 2 in the lake",
  });
  server.use(answers(RESULTS, makeVerified([makeVerifiedDay(), wrong])));
  renderPage(<ProofPanel />, "/data?tab=proof");
  const table = await screen.findByRole("table", { name: "Compared days" });
  expect(within(table).getAllByRole("row")).toHaveLength(3);
  const row = within(table).getByText("differs").closest("tr");
  expect(row).toHaveTextContent("2026-01-07 05:00: close 1 here, 2 in the lake");
  expect(screen.getByText("Days differs").parentElement).toHaveTextContent("1");
});

it("shows the faults alone, and says where there are none", async () => {
  server.use(
    http.get(`*${RESULTS}`, ({ request }) => {
      const isNarrowed = new URL(request.url).searchParams.has("state");
      const all = makeVerified([makeVerifiedDay()]);
      return HttpResponse.json(isNarrowed ? { ...all, results: [] } : all);
    }),
  );
  renderPage(<ProofPanel />, "/data?tab=proof");
  expect(await screen.findByRole("table", { name: "Compared days" })).toBeVisible();
  await userEvent.click(screen.getByRole("radio", { name: "Faults" }));
  expect(await screen.findByText("No fault was found")).toBeVisible();
  expect(screen.getByText("Days the same")).toBeVisible(); // of all, whatever is asked for
});

it("asks for a comparison and follows its run", async () => {
  const sent: unknown[] = [];
  server.use(answers(RESULTS, makeVerified([])), takes("/api/verify", { job_id: 12, is_led: true }, sent));
  renderPage(<ProofPanel />, "/data?tab=proof");
  expect(await screen.findByText("No day was compared yet")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Verify" }));
  expect(await screen.findByRole("link", { name: "run 12" })).toHaveAttribute("href", "/runs/12");
  expect(sent).toEqual([{ sample: 20 }]);
});
