/** The time zones that this browser knows, UTC and the own one first; *chosen* among them in any case. */
export function timeZones(chosen: string): string[] {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [...new Set(["UTC", own, chosen, ...Intl.supportedValuesOf("timeZone")])];
}
