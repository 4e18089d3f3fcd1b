import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { components } from "@/api/schema";
import { makeCard, makeDashboard, NOW_MS } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, server, takes } from "@/test/server";
import { FaultDial } from "./FaultDial";
import { CHANGES, FAULTS } from "./presets";
import { Component } from "./Simulator";
import { settingsOf } from "./words";

const FAULT: components["schemas"]["FaultOut"] = {
  id: 1,
  kind: "slow",
  path: "klines",
  symbol: "BTCUSDT",
  client: null,
  count: 3,
  after: 0,
  seconds: null,
  probability: 0.5,
  at_ms: NOW_MS,
  happened: 1,
  spent: false,
  retry_after: null,
  status: null,
  code: null,
  delay: 8,
  share: null,
  rows: null,
};

it("says how a fault is set", () => {
  expect(settingsOf(FAULT)).toBe("calls of klines, for BTCUSDT, 3 times, one in 2, 8 s late");
});

it("throws a ready-made fault for the chosen symbol", async () => {
  const sent: unknown[] = [];
  server.use(
    answers("/api/dashboard/metrics", makeDashboard([makeCard("ETHUSDT")])),
    takes("/api/simulator/faults", { id: 2 }, sent),
  );
  renderPage(<FaultDial faults={[FAULT]} />);
  await userEvent.click(await screen.findByRole("button", { name: "Slow for one symbol: do it" }));
  expect(await screen.findByText(/On the dial/)).toBeVisible();
  expect(sent).toEqual([{ spec: expect.stringMatching(/^slow:.*symbol=(ETHUSDT|BTCUSDT)/) }]);
});

it("shows no dial where the exchange is a real one", async () => {
  server.use(answers("/api/simulator/faults", { is_simulator: false, faults: [] }));
  renderPage(<Component />);
  expect(await screen.findByText("The exchange is a real one")).toBeVisible();
});

it("writes presets as the simulator's grammar has them", () => {
  const specs = [...FAULTS, ...CHANGES].map((one) => one.spec("BTCUSDT"));
  for (const spec of specs) expect(spec).toMatch(/^\w+:\w+=[^,=]+(,\w+=[^,=]+)*$/);
});
