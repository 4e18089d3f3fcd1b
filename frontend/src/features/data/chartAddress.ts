/** Where the chart of a window is. */
export function chartAddress(symbol: string, interval: string, fromMs: number, toMs: number): string {
  const time = (ms: number) => `${new Date(ms).toISOString().slice(0, 16)}Z`;
  return `/analytics?symbol=${symbol}&interval=${interval}&from=${time(fromMs)}&to=${time(toMs)}`;
}
