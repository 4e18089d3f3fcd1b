import { act, screen } from "@testing-library/react";
import { timeText } from "@/lib/time";
import { renderPage } from "@/test/render";
import { Prose } from "./Prose";

afterEach(() => localStorage.clear());

it("shows the times of a text in the zone that is chosen", () => {
  const { container } = renderPage(<Prose text="leads since 2026-01-09T14:30:00.000Z, well" />);
  expect(container).toHaveTextContent("leads since 2026-01-09 14:30, well");
  expect(screen.getByText("2026-01-09 14:30")).toHaveAttribute("datetime", "2026-01-09T14:30:00.000Z");
  act(() => {
    localStorage.setItem("candlehouse.zone", "local");
    window.dispatchEvent(new Event("storage"));
  });
  expect(container).toHaveTextContent(`leads since ${timeText(Date.UTC(2026, 0, 9, 14, 30), "local")}, well`);
});
