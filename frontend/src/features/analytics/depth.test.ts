import type { OrderBook } from "@/api/types";
import { depthPoints } from "./depth";
import { imbalanceText, imbalanceWords } from "./OrderBookPanel";

const level = (price: string, cumulative: string) => ({ price, quantity: "1.0", cumulative });

it("orders depth from the lowest bid to the highest ask", () => {
  const book = {
    bids: [level("99", "1"), level("98", "3")],
    asks: [level("101", "2"), level("102", "2.5")],
  } as OrderBook;
  expect(depthPoints(book)).toEqual([
    { price: 98, bid: 3, ask: null },
    { price: 99, bid: 1, ask: null },
    { price: 101, bid: null, ask: 2 },
    { price: 102, bid: null, ask: 2.5 },
  ]);
});

it("says which side weighs more in figures and in words", () => {
  expect([0.184, -0.184, 0, null].map(imbalanceText)).toEqual(["+0.18", "−0.18", "0.00", "–"]);
  expect([0.184, -0.184, 0.01].map(imbalanceWords)).toEqual([
    "more is bid",
    "more is asked",
    "both sides weigh alike",
  ]);
});
