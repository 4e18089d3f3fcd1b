/** Times on the chart's axis and crosshair. Lightweight Charts knows UTC alone: only what it writes becomes local. */
import { TickMarkType } from "lightweight-charts";
import { type Zone, zoneName } from "@/lib/time";

const made = new Map<string, Intl.DateTimeFormat>();

function format(ms: number, zone: Zone, name: string, options: Intl.DateTimeFormatOptions): string {
  const key = name + zone;
  let formatter = made.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-GB", {
      hourCycle: "h23",
      timeZone: zone === "utc" ? "UTC" : undefined,
      ...options,
    });
    made.set(key, formatter);
  }
  return formatter.format(ms);
}

const CLOCK = { hour: "2-digit", minute: "2-digit" } as const;
const DAY = { day: "numeric", month: "short" } as const;

/**
 * What stands below a mark of the axis. Marks of days lie at midnight UTC; where that is another time of day here,
 * and candles are shorter than a day, the mark says that time.
 */
export function tickText(ms: number, type: TickMarkType, zone: Zone, isIntraday: boolean): string {
  if (type === TickMarkType.TimeWithSeconds)
    return format(ms, zone, "second", { ...CLOCK, second: "2-digit" });
  if (type === TickMarkType.Time) return format(ms, zone, "clock", CLOCK);
  // The candle of a day or longer is named after its UTC day, wherever one looks from.
  const at = isIntraday ? zone : "utc";
  if (isIntraday && zone === "local" && !isMidnight(ms)) return format(ms, at, "clock", CLOCK);
  if (type === TickMarkType.DayOfMonth) return format(ms, at, "day", DAY);
  if (type === TickMarkType.Month) return format(ms, at, "month", { month: "short" });
  return format(ms, at, "year", { year: "numeric" });
}

function isMidnight(ms: number): boolean {
  const at = new Date(ms);
  return at.getHours() === 0 && at.getMinutes() === 0;
}

/** What stands at the crosshair: `Fri 9 Jan 2026 14:30 UTC`, without the time for candles of a day and longer. */
export function crosshairText(ms: number, zone: Zone, isIntraday: boolean): string {
  const date = { weekday: "short", day: "numeric", month: "short", year: "numeric" } as const;
  if (!isIntraday) return format(ms, "utc", "date", date).replace(",", "");
  const text = format(ms, zone, "moment", { ...date, ...CLOCK }).replaceAll(",", "");
  return `${text} ${zoneName(zone, ms)}`;
}
