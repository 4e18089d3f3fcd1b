import type { KeyboardEvent, RefObject } from "react";
import type { CandleChart } from "./chart/core";

const FAR = 10;
const ZOOMS: Partial<Record<string, number>> = { "+": 0.75, "=": 0.75, "-": 1 / 0.75 };

/** What keys do on the chart: move the crosshair from candle to candle, zoom, choose. */
export function chartKeys(
  chart: RefObject<CandleChart | null>,
  amount: number,
  onPick: (place: number) => void,
): (event: KeyboardEvent) => void {
  return (event) => {
    const drawn = chart.current;
    if (!drawn || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = drawn.crosshairPlace;
    const step = event.shiftKey ? FAR : 1;
    const go = (place: number) => drawn.moveCrosshair(Math.min(Math.max(place, 0), amount - 1));
    const zoomed = ZOOMS[event.key];
    let act: (() => void) | undefined;
    if (event.key === "ArrowLeft") act = () => go((at ?? amount) - step);
    else if (event.key === "ArrowRight") act = () => go((at ?? amount - 2) + step);
    else if (event.key === "Home") act = () => go(0);
    else if (event.key === "End") act = () => go(amount - 1);
    else if (event.key === "Escape") act = () => drawn.moveCrosshair(null);
    else if (event.key === "Enter" && at !== null) act = () => onPick(at);
    else if (zoomed) act = () => drawn.zoom(zoomed);
    if (!act) return;
    event.preventDefault();
    act();
  };
}
