/** For how long what is fetched stays. It holds for a whole series, so it changes what is kept of what is held. */
import type { Plan, SeriesPlan } from "@/api/types";
import { plural } from "@/lib/format";

export type Keep = { how: "ever" | "settings" | "days"; days: number };

/** As the API wants it: 0 for ever, null as the settings say. */
export function keepDays(keep: Keep): number | null {
  if (keep.how === "days") return keep.days;
  return keep.how === "ever" ? 0 : null;
}

export function keptWords(days: number | null): string {
  if (days === null) return "as the settings say";
  return days === 0 ? "for ever" : `for ${plural(days, "day")}`;
}

/** The series that are held already and would be kept otherwise than until now. */
export function keptOtherwise(plan: Plan, keep: Keep): SeriesPlan[] {
  const days = keepDays(keep);
  return plan.series.filter((one) => one.held > 0 && one.kept_days !== days);
}
