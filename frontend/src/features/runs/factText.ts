/** Results and parameters have a form for each kind: names and values told in words, whatever they are. */
import { bytes, count } from "@/lib/format";
import { duration } from "@/lib/time";

/** `took_ms` → `Took`, `freed_bytes` → `Freed`, `bad_rows` → `Bad rows`. */
export function factName(name: string): string {
  const words = name.replace(/_(ms|bytes)$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// Times of day begin in 2001 here; lengths of time never get there.
const FIRST_TIME_MS = 1_000_000_000_000;

/** A plain value as people write it, by its name's unit; null for what has parts of its own. */
export function factText(name: string, value: unknown): string | null {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    if (name.endsWith("_ms"))
      return value < FIRST_TIME_MS ? duration(value) : `${new Date(value).toISOString()}`;
    if (name.endsWith("bytes")) return bytes(value);
    return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
  }
  if (typeof value === "string") return value === "" ? "–" : value;
  if (Array.isArray(value)) {
    if (value.length === 0) return "none";
    return value.every((one) => typeof one !== "object" || one === null) ? value.join(", ") : null;
  }
  return Object.keys(value).length === 0 ? "none" : null;
}

/** The parts of what has some: names and values; of a list its places, counted from 1. */
export function factParts(value: unknown): [string, unknown][] {
  if (Array.isArray(value)) return value.map((one, index) => [String(index + 1), one]);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

export function isWorthShowing(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return typeof value !== "object" || factParts(value).length > 0;
}
