/** UTC days as people type them, `2026-01-09`, and the windows that they span. Pure. */

const DAY_MS = 86_400_000;

/** The start of a day, in UTC milliseconds; null of anything that is no day. */
export function dayStart(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** The window from one day to another, both of them within; null where it is none. */
export function daysWindow(first: string, last: string): { start: number; end: number } | null {
  const [start, lastStart] = [dayStart(first), dayStart(last)];
  if (start === null || lastStart === null || lastStart < start) return null;
  return { start, end: lastStart + DAY_MS };
}

/** The UTC day of a moment. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
