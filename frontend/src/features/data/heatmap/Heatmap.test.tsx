import { screen } from "@testing-library/react";
import { makeCoverage } from "@/test/factories";
import { renderPage } from "@/test/render";
import { makeRows } from "./cells";
import { Heatmap } from "./Heatmap";

const days = Array.from({ length: 30 }, (_, index) => ({
  day: new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10),
  wanted: 1_440,
  held: 1_440,
  missing: 0,
  lag: 0,
}));

afterEach(() => vi.restoreAllMocks());

it.each([
  [1_170, 30 * 30],
  [600, 30 * 15],
  [320, 30 * 6],
  [100, 30 * 5],
])("fills %i pixels at its first look, before any frame", (width, plot) => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(width);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  vi.stubGlobal("requestAnimationFrame", () => 0); // as in a tab that nobody sees
  renderPage(<Heatmap rows={makeRows([makeCoverage({ days })])} onOpen={() => undefined} />);
  expect(screen.getByRole("application").style.width).toBe(`${plot}px`);
  vi.unstubAllGlobals();
});
