/** Numbers for people. Amounts come as decimal strings, exact; they become numbers only to be drawn or shortened. */

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });

/** `1234567` → `1,234,567`; an en dash where there is nothing. */
export function count(value: number | null | undefined): string {
  return value == null ? "–" : WHOLE.format(value);
}

/** `1234567` → `1.23M`. */
export function compact(value: number | string | null | undefined): string {
  return value == null || value === "" ? "–" : COMPACT.format(Number(value));
}

/** Group the whole digits of a decimal string and cut zeros at its end, touching no other digit. */
export function exact(amount: string | null | undefined): string {
  if (amount == null) return "–";
  const [whole = "0", fraction = ""] = amount.split(".");
  const sign = whole.startsWith("-") ? "-" : "";
  const grouped = whole.replace("-", "").replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const kept = fraction.replace(/0+$/, "");
  return sign + grouped + (kept ? `.${kept}` : "");
}

/** How many digits after the point a price of this size deserves: 41,801.00 and 0.00012345. */
export function priceDigits(price: number): number {
  const size = Math.abs(price);
  if (size === 0 || size >= 100) return 2;
  if (size >= 1) return 4;
  return Math.min(8, 4 - Math.floor(Math.log10(size)));
}

/** A price to look at; hover for the exact one. */
export function price(amount: string | number | null | undefined): string {
  if (amount == null) return "–";
  const value = Number(amount);
  const digits = priceDigits(value);
  // As many for all of a size, so that they line up; of tiny ones no noughts behind.
  const least = Math.min(digits, 4);
  return value.toLocaleString("en-US", { minimumFractionDigits: least, maximumFractionDigits: digits });
}

/** `12.6` → `+12.60`: a difference of prices. */
export function signedPrice(amount: string | number | null | undefined): string {
  if (amount == null) return "–";
  const number = Number(amount);
  const sign = number > 0 ? "+" : number < 0 ? "−" : "";
  return `${sign}${price(Math.abs(number))}`;
}

/** `0.0123` → `+0.01 %`; *value* is in percent. */
export function percent(value: string | number | null | undefined, digits = 2): string {
  if (value == null) return "–";
  const number = Number(value);
  const sign = number > 0 ? "+" : number < 0 ? "−" : "";
  return `${sign}${Math.abs(number).toFixed(digits)} %`;
}

/** A share of 0 to 1 in percent, never rounded up to 100 nor down to 0. */
export function share(value: number | null | undefined): string {
  if (value == null) return "–";
  if (value === 1 || value === 0) return `${value * 100} %`;
  const shown = Math.min(99.99, Math.max(0.01, value * 100));
  return `${shown.toFixed(2)} %`;
}

const PACES: [number, string][] = [
  [1, "s"],
  [60, "min"],
  [3_600, "h"],
];

/** How fast, where *rate* is what is done in a second: `2,864/s`, `2 steps/min`. */
export function pace(rate: number, unit = ""): string {
  const [seconds, per] = PACES.find(([length]) => rate * length >= 1) ?? [3_600, "h"];
  const amount = rate * seconds;
  return `${amount >= 10 ? count(amount) : Number(amount.toFixed(1))}${unit && ` ${unit}`}/${per}`;
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

export function bytes(value: number | null | undefined): string {
  if (value == null) return "–";
  const step = value < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  const shown = value / 1000 ** step;
  return `${shown.toFixed(step === 0 || shown >= 100 ? 0 : 1)} ${UNITS[step]}`;
}

/** `1 gap`, `3 gaps`. */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}
