/** The tokens of the theme as a canvas needs them: resolved, and again when the scheme changes. */

const NAMES = {
  panel: "--ch-panel",
  line: "--ch-line",
  text: "--ch-text",
  muted: "--ch-muted",
  up: "--ch-up-fill",
  down: "--ch-down-fill",
  info: "--ch-info",
  accent: "--ch-accent",
  gap: "--ch-gap",
  gapFill: "--ch-gap-fill",
  line1: "--ch-line-1",
  line2: "--ch-line-2",
  line3: "--ch-line-3",
  line4: "--ch-line-4",
  line5: "--ch-line-5",
  line6: "--ch-line-6",
} as const;

export type Colours = Record<keyof typeof NAMES, string>;

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const entries = Object.entries(NAMES).map(([name, token]) => [name, style.getPropertyValue(token).trim()]);
  return Object.fromEntries(entries) as Colours;
}

/** Call *tell* when the colour scheme has changed; return what ends that. */
export function onScheme(tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });
  return () => observer.disconnect();
}

const LINES = ["line1", "line2", "line3", "line4", "line5", "line6"] as const;

/** The colour of the indicator at a place in the list, and its token for HTML. */
export const lineColour = (colours: Colours, place: number): string =>
  colours[LINES[place % LINES.length] ?? "line1"];
export const lineToken = (place: number): string => `var(--ch-line-${(place % LINES.length) + 1})`;

/** `#rrggbb` with an alpha of 0 to 1. */
export function faded(colour: string, alpha: number): string {
  const hex = Math.round(alpha * 255).toString(16);
  return /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}${hex.padStart(2, "0")}` : colour;
}
