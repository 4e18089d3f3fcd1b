/** Times for people. The API speaks UTC in epoch milliseconds; only here do they become local, if that is wanted. */

export type Zone = "local" | "utc";

const PARTS: Record<string, Intl.DateTimeFormatOptions> = {
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
  second: {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  },
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

const made = new Map<string, Intl.DateTimeFormat>();

function formatter(parts: string, zone: Zone): Intl.DateTimeFormat {
  const key = parts + zone;
  const known = made.get(key);
  if (known) return known;
  const options = {
    ...PARTS[parts],
    hourCycle: "h23" as const,
    timeZone: zone === "utc" ? "UTC" : undefined,
  };
  const fresh = new Intl.DateTimeFormat("sv-SE", options);
  made.set(key, fresh);
  return fresh;
}

/** `2026-01-09 14:30`, as precise as *to*. */
export function timeText(
  ms: number,
  zone: Zone,
  to: "day" | "minute" | "second" | "clock" = "minute",
): string {
  return formatter(to, zone).format(ms);
}

/** What follows a time so that nobody mistakes it: `UTC`, or the local zone's short name. */
export function zoneName(zone: Zone, ms = Date.now()): string {
  if (zone === "utc") return "UTC";
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(ms);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "local";
}

const STEPS: [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A length of time in its two largest units: `2 d 3 h`, `1 min 5 s`, `under 1 s`. */
export function duration(ms: number | null | undefined): string {
  if (ms == null) return "–";
  if (ms < 1_000) return ms <= 0 ? "0 s" : "under 1 s";
  const first = STEPS.findIndex(([size]) => ms >= size);
  const parts: string[] = [];
  let rest = ms;
  for (const [size, unit] of STEPS.slice(first, first + 2)) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.join(" ");
}

/** `3 min ago`, `in 2 h`, `now`. */
export function fromNow(ms: number, nowMs: number): string {
  const away = nowMs - ms;
  if (Math.abs(away) < 1_000) return "now";
  const [size, unit] = STEPS.find(([step]) => Math.abs(away) >= step) ?? [1_000, "s"];
  const amount = Math.floor(Math.abs(away) / size);
  return away > 0 ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
}
