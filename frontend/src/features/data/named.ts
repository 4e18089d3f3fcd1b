/** What a request says of the symbols that were chosen: none means all, and then the field is left out. */
export function named(symbols: string[]): { symbols?: string[] } {
  return symbols.length === 0 ? {} : { symbols };
}
