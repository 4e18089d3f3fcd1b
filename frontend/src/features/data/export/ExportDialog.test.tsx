import { fireEvent, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeSeries, NOW_MS } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, server } from "@/test/server";
import { ExportDialog } from "./ExportDialog";

const DAY_MS = 86_400_000;

it("makes the address of what is chosen", async () => {
  const series = [makeSeries(), makeSeries({ symbol: "ETHUSDT" })];
  server.use(answers("/api/data-ingestion/symbols-status", { exchange: "binance", now_ms: NOW_MS, series }));
  renderPage(<ExportDialog opened onClose={() => undefined} />, "/data?symbol=ETHUSDT");
  const link = await screen.findByRole("link", { name: "Download" });
  const asked = () => new URL(link.getAttribute("href") ?? "");
  expect(asked().pathname).toBe("/api/export/ETHUSDT");
  expect(Object.fromEntries(asked().searchParams)).toEqual({ interval: "1m", format: "csv" });
  await userEvent.click(screen.getByRole("radio", { name: "Parquet" }));
  fireEvent.change(screen.getByLabelText("First day (UTC)"), { target: { value: "2026-01-09" } });
  expect(screen.queryByRole("link", { name: "Download" })).toBeNull();
  fireEvent.change(screen.getByLabelText("Last day (UTC)"), { target: { value: "2026-01-10" } });
  const start = Date.UTC(2026, 0, 9);
  const again = new URL(screen.getByRole("link", { name: "Download" }).getAttribute("href") ?? "");
  expect(Object.fromEntries(again.searchParams)).toEqual({
    interval: "1m",
    format: "parquet",
    start: String(start),
    end: String(start + 2 * DAY_MS),
  });
});
