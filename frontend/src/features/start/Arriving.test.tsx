import { screen } from "@testing-library/react";
import { makeRun } from "@/test/factories";
import { renderPage } from "@/test/render";
import { makeBatch } from "@/test/runFactories";
import { answers, server } from "@/test/server";
import { Arriving } from "./Arriving";

const led = answers("/api/scheduler/leader", {
  is_led: true,
  holder: "process 1 on host a",
  since_ms: 1,
  heartbeat_ms: 1,
  until_ms: 1,
});

function arriving(over: Parameters<typeof makeBatch>[0]) {
  server.use(led, answers("/api/data-ingestion/status-batch/7", makeBatch(over)));
  renderPage(<Arriving id={7} onMore={() => undefined} />);
}

it("leads to the chart as soon as there is something to see", async () => {
  arriving({ child_jobs: [makeRun({ id: 8, loaded: 0 }), makeRun({ id: 9, symbol: "ETHUSDT", loaded: 5 })] });
  const chart = await screen.findByRole("link", { name: "Look at the chart of ETHUSDT" });
  expect(chart).toHaveAttribute("href", "/analytics?symbol=ETHUSDT&interval=1m");
  expect(screen.getByText("7 s")).toBeVisible(); // the time that is left
});

it("has no chart to lead to while nothing is loaded", async () => {
  arriving({ child_jobs: [makeRun({ id: 8, loaded: 0 })] });
  expect(await screen.findByText("It goes on without this page; come back whenever you like.")).toBeVisible();
  expect(screen.queryByRole("link", { name: /chart/ })).toBeNull();
});
