import { addressOf } from "@/api/client";
import type { Interval } from "@/api/types";

export const FORMATS = ["csv", "parquet", "arrow"] as const;
export type Format = (typeof FORMATS)[number];

/** Where a file of candles is had; without a window, of all that is held. */
export function exportAddress(
  symbol: string,
  interval: Interval,
  format: Format,
  window: { start: number; end: number } | null,
): string {
  return addressOf(`/api/export/${encodeURIComponent(symbol)}`, {
    interval,
    format,
    start: window?.start,
    end: window?.end,
  });
}
