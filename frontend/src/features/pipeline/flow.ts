/** What came in an hour as a rate a minute, as short as it is telling: `0`, `0.4`, `12`, `2,236`. */
export function perMinute(inHour: number): string {
  const rate = inHour / 60;
  if (rate === 0 || rate >= 10) return Math.round(rate).toLocaleString("en-US");
  return rate < 0.1 ? "under 0.1" : rate.toFixed(1);
}
