import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeCard, makeDashboard } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, refuses, server } from "@/test/server";
import { Component } from "./Dashboard";

const drawn = vi.hoisted(() => ({ prices: [] as string[], sparks: [] as string[] }));

vi.mock("@/components/Amounts", async (original) => ({
  ...(await original<typeof import("@/components/Amounts")>()),
  Price: ({ amount }: { amount: string }) => {
    drawn.prices.push(amount);
    return amount;
  },
}));

vi.mock("@/components/Spark", () => ({
  Spark: ({ label }: { label: string }) => {
    drawn.sparks.push(label);
    return null;
  },
}));

const SYMBOLS = Array.from({ length: 100 }, (_, index) => `SIM${String(index).padStart(3, "0")}USDT`);

it("draws anew only the price that has moved, of a hundred symbols", async () => {
  let price = "100";
  server.use(
    answers("/api/symbols", { symbols: [], next_cursor: null }),
    answers("/api/dashboard/metrics", () =>
      makeDashboard(SYMBOLS.map((symbol) => makeCard(symbol, {}, symbol === "SIM042USDT" ? { price } : {}))),
    ),
  );
  const { cache } = renderPage(<Component />);
  await waitFor(() => expect(document.body).toHaveTextContent("SIM042USDT"));
  expect(drawn.prices).toHaveLength(100);
  drawn.prices.length = 0;
  drawn.sparks.length = 0;
  price = "101";
  await act(() => cache.invalidateQueries());
  await waitFor(() => expect(document.body).toHaveTextContent("101"));
  expect(drawn).toEqual({ prices: ["101"], sparks: [] });
});

it("keeps order and search in the address", async () => {
  server.use(
    answers("/api/symbols", { symbols: [], next_cursor: null }),
    answers("/api/dashboard/metrics", makeDashboard([makeCard("AAAUSDT"), makeCard("BBBUSDT")])),
  );
  renderPage(<Component />, "/?search=bbb");
  expect(await screen.findByText("BBBUSDT", { selector: "td a" })).toBeVisible();
  expect(screen.queryByText("AAAUSDT", { selector: "td a" })).toBeNull();
  await userEvent.clear(screen.getByLabelText("Find a symbol"));
  expect(await screen.findByText("AAAUSDT", { selector: "td a" })).toBeVisible();
});

it("leads somebody with nothing to the start", async () => {
  server.use(answers("/api/dashboard/metrics", makeDashboard([])));
  renderPage(<Component />);
  expect(await screen.findByRole("link", { name: "Get started" })).toHaveAttribute("href", "/start");
});

it("says what is wrong where it cannot be loaded", async () => {
  server.use(refuses("/api/dashboard/metrics", 422, "that is not an exchange"));
  renderPage(<Component />);
  expect(await screen.findByText("that is not an exchange")).toBeVisible();
});
