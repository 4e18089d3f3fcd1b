import type { Page } from "@playwright/test";
import type { Card, Dashboard } from "../src/api/types";

type Cards = ReadonlyMap<string, Card>;

/** Note what the API tells the page of its cards from now on, answer by answer. */
export function answeredCards(page: Page): Cards[] {
  const answers: Cards[] = [];
  page.on("response", async (answer) => {
    if (new URL(answer.url()).pathname !== "/api/dashboard/metrics" || !answer.ok()) return;
    const { symbols } = (await answer.json()) as Dashboard;
    answers.push(new Map(symbols.map((card) => [card.symbol, card])));
  });
  return answers;
}

/** The symbols of which two answers in a row told something else. */
export function changedCards(answers: readonly Cards[]): Set<string> {
  const changed = new Set<string>();
  for (const [at, now] of answers.entries())
    for (const [symbol, card] of now) {
      const before = answers[at - 1]?.get(symbol);
      if (at > 0 && JSON.stringify(before) !== JSON.stringify(card)) changed.add(symbol);
    }
  return changed;
}
