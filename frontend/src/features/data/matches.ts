/** Whether a series is what is searched for, in symbol or interval: `btc 1h` finds the hours of Bitcoin. */
export function matches(series: { symbol: string; interval: string }, search: string): boolean {
  const words = search.trim().toUpperCase().split(/\s+/).filter(Boolean);
  return words.every((word) => series.symbol.includes(word) || series.interval.toUpperCase() === word);
}
