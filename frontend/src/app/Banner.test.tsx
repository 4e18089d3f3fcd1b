import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import type { Health, HealthComponent } from "@/api/types";
import { NOW_MS } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, server } from "@/test/server";
import { Banner, findTrouble } from "./Banner";

function makeHealth(over: Record<string, HealthComponent["status"]>): Health {
  const names = ["warehouse", "lake", "scheduler", "series"];
  const components = names.map((name) => ({
    name,
    status: over[name] ?? ("healthy" as const),
    found: `the ${name} is ${over[name] ?? "well"}`,
    advice: "",
    numbers: {},
  }));
  return { status: "healthy", checked_ms: NOW_MS, components };
}

it("names what makes the pages old, the worst first", () => {
  expect(findTrouble(makeHealth({ scheduler: "down", warehouse: "down" }))?.name).toBe("warehouse");
  expect(findTrouble(makeHealth({ scheduler: "degraded" }))?.name).toBe("scheduler");
  expect(findTrouble(makeHealth({ lake: "degraded", series: "degraded" }))).toBeNull();
});

it("says that nothing is collected while nobody leads", async () => {
  server.use(answers("/api/health", makeHealth({ scheduler: "down" })));
  renderPage(<Banner />);
  expect(await screen.findByText("Nothing is collected at the moment.")).toBeVisible();
});

it("says that there is no connection where nothing answers", async () => {
  server.use(http.get("*/api/health", () => HttpResponse.error()));
  renderPage(<Banner />);
  expect(await screen.findByText("No connection to Candlehouse.")).toBeVisible();
});
