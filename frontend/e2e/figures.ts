import type { Locator } from "@playwright/test";

/** The value of a figure that is named *label*, as components/Figure.tsx draws it. */
export function figure(scope: Locator, label: string): Locator {
  return scope.getByText(label, { exact: true }).locator("xpath=following-sibling::div[1]");
}

/** The number that a text begins with: `43,200` is 43200. */
export async function numberIn(text: Locator): Promise<number> {
  return Number.parseInt(((await text.textContent()) ?? "").replaceAll(",", ""), 10);
}
