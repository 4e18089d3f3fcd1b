/** Indicators as the API and this page's address name them: `rsi`, `rsi:21`, `macd:12:26:9`. */

export type Parameter = { name: string; standard: number; most: number; step?: number };
export type Kind = {
  title: string;
  /** Over the candles, in a pane of its own, or at the prices' edge. */
  where: "overlay" | "pane" | "edge";
  about: string;
  parameters: readonly Parameter[];
};

const period = (standard: number, name = "Period"): Parameter => ({ name, standard, most: 500 });

export const KINDS = {
  sma: { title: "SMA", where: "overlay", about: "Simple moving average", parameters: [period(20)] },
  ema: { title: "EMA", where: "overlay", about: "Exponential moving average", parameters: [period(20)] },
  bollinger: {
    title: "Bollinger",
    where: "overlay",
    about: "Mean, and bands some standard deviations away",
    parameters: [period(20), { name: "Deviations", standard: 2, most: 10, step: 0.1 }],
  },
  vwap: {
    title: "VWAP",
    where: "overlay",
    about: "Mean price by volume since midnight UTC",
    parameters: [],
  },
  volume_profile: {
    title: "Volume profile",
    where: "edge",
    about: "What was traded at which price, of what is in view",
    parameters: [{ name: "Bars", standard: 24, most: 200 }],
  },
  rsi: { title: "RSI", where: "pane", about: "Relative strength index", parameters: [period(14)] },
  macd: {
    title: "MACD",
    where: "pane",
    about: "Convergence and divergence of two averages",
    parameters: [period(12, "Fast"), period(26, "Slow"), period(9, "Signal")],
  },
  atr: { title: "ATR", where: "pane", about: "Average true range", parameters: [period(14)] },
  obv: {
    title: "OBV",
    where: "pane",
    about: "On-balance volume, from nought at the oldest candle held here",
    parameters: [],
  },
} as const satisfies Record<string, Kind>;

export type IndicatorKind = keyof typeof KINDS;
export type Indicator = { kind: IndicatorKind; numbers: readonly number[] };

/** More than these are a tangle, and a long wait. */
export const MOST_INDICATORS = 8;

/** Whether it has a value for each candle; else it is of all of them together. */
export const isOfCandles = ({ kind }: Indicator): boolean => KINDS[kind].where !== "edge";

export const isKind = (name: string): name is IndicatorKind => Object.hasOwn(KINDS, name);

export function standardOf(kind: IndicatorKind): Indicator {
  return { kind, numbers: KINDS[kind].parameters.map((one) => one.standard) };
}

/** The name that the API is asked with and answers under; always with its numbers, so that it is one and the same. */
export function nameOf({ kind, numbers }: Indicator): string {
  return [kind, ...numbers].join(":");
}

/** `RSI 14`, `MACD 12 26 9`. */
export function titleOf({ kind, numbers }: Indicator): string {
  return [KINDS[kind].title, ...numbers].join(" ");
}

/** What is wrong with an indicator's numbers, in words; null where nothing is. */
export function faultOf({ kind, numbers }: Indicator): string | null {
  const { parameters }: Kind = KINDS[kind];
  if (numbers.length !== parameters.length) return `takes ${parameters.length} numbers`;
  for (const [place, { name, most, step }] of parameters.entries()) {
    const value = numbers[place] ?? Number.NaN;
    const isFine = step ? value > 0 && value <= most : Number.isInteger(value) && value >= 1 && value <= most;
    if (!isFine)
      return step ? `${name}: more than 0, at most ${most}` : `${name}: a whole number of 1 to ${most}`;
  }
  if (kind === "macd" && (numbers[0] ?? 0) >= (numbers[1] ?? 0)) return "Fast has to be shorter than Slow";
  return null;
}

/** Read what an address names; what cannot be computed, or comes twice, is left out. */
export function parseIndicators(text: string | null): Indicator[] {
  const found = new Map<string, Indicator>();
  for (const part of (text ?? "").split(",")) {
    const [name = "", ...given] = part.trim().split(":");
    if (!isKind(name)) continue;
    const indicator = given.length > 0 ? { kind: name, numbers: given.map(Number) } : standardOf(name);
    if (faultOf(indicator) === null) found.set(nameOf(indicator), indicator);
  }
  return [...found.values()].slice(0, MOST_INDICATORS);
}

export function formatIndicators(indicators: readonly Indicator[]): string {
  return indicators.map(nameOf).join(",");
}
