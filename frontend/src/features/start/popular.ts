/** Symbols that most people begin with, the best known first. */
export const POPULAR = [
  "BTCUSDT",
  "ETHUSDT",
  "BNBUSDT",
  "SOLUSDT",
  "XRPUSDT",
  "DOGEUSDT",
  "ADAUSDT",
  "TRXUSDT",
  "LINKUSDT",
  "AVAXUSDT",
  "LTCUSDT",
  "DOTUSDT",
] as const;

/** Those of them that can be had: all while the exchange's list is not known, and what is chosen in any case. */
export function offered(atExchange: readonly string[] | null, chosen: readonly string[]): string[] {
  const known = atExchange && new Set(atExchange);
  return POPULAR.filter((symbol) => !known || known.has(symbol) || chosen.includes(symbol));
}
