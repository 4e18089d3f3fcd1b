import { plural } from "@/lib/format";

const WORDS: [name: string, one: string, many: string][] = [
  ["inserted", "candle would be added", "candles would be added"],
  ["replaced", "candle would be replaced", "candles would be replaced"],
  ["deleted", "candle would be deleted", "candles would be deleted"],
  [
    "refused_days",
    "day would be left, since its objects are gone",
    "days would be left, since their objects are gone",
  ],
];

/** What the result of a dry run of a replay says; the run's page tells more. */
export function replayText(result: unknown): string {
  const days = numberIn(result, "days");
  if (days === null) return "The dry run has ended; its run tells what it found.";
  const told = WORDS.flatMap(([name, one, many]) => {
    const amount = numberIn(result, name);
    return amount ? [plural(amount, one, many)] : [];
  });
  const looked = `Looked at ${plural(days, "day of a series", "days of series")}`;
  return `${looked}: ${told.length === 0 ? "nothing would change" : told.join(", ")}.`;
}

function numberIn(result: unknown, name: string): number | null {
  if (typeof result !== "object" || result === null) return null;
  const value: unknown = Reflect.get(result, name);
  return typeof value === "number" ? value : null;
}
