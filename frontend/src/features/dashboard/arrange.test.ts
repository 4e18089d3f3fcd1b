import { makeCard } from "@/test/factories";
import { arrange, placeInRange } from "./arrange";
import { summarise } from "./overview";

const BTC = makeCard("BTCUSDT", {}, { change_percent: "1.5", price: "40000", quote_volume: "900" });
const ETH = makeCard("ETHUSDT", {}, { change_percent: "-2", price: "2500", quote_volume: "500" });
const NEW = makeCard(
  "NEWUSDT",
  { freshness: null },
  { change_percent: null, price: null, quote_volume: "0" },
);
const cards = [BTC, ETH, NEW];
const wanted = {
  order: "symbol" as const,
  down: false,
  search: "",
  favourites: new Set<string>(),
  only: false,
};
const names = (shown: typeof cards) => shown.map((card) => card.symbol);

it("sorts, with what is not known last", () => {
  expect(names(arrange(cards, { ...wanted, order: "change" }))).toEqual(["ETHUSDT", "BTCUSDT", "NEWUSDT"]);
  expect(names(arrange(cards, { ...wanted, order: "price", down: true }))).toEqual([
    "BTCUSDT",
    "ETHUSDT",
    "NEWUSDT",
  ]);
});

it("puts favourites first and can show them alone", () => {
  const favourites = new Set(["ETHUSDT"]);
  expect(names(arrange(cards, { ...wanted, favourites }))).toEqual(["ETHUSDT", "BTCUSDT", "NEWUSDT"]);
  expect(names(arrange(cards, { ...wanted, favourites, only: true }))).toEqual(["ETHUSDT"]);
});

it("finds by a part of the name, small or capital", () => {
  expect(names(arrange(cards, { ...wanted, search: " btc " }))).toEqual(["BTCUSDT"]);
});

it("says where a price lies in its day, and nothing where there is no range", () => {
  expect(placeInRange({ ...BTC.day, price: "95", low: "90", high: "100" })).toBe(0.5);
  expect(placeInRange({ ...BTC.day, price: "120", low: "90", high: "100" })).toBe(1);
  expect(placeInRange({ ...BTC.day, price: "90", low: "90", high: "90" })).toBeNull();
  expect(placeInRange(NEW.day)).toBeNull();
});

it("sums the market up, and adds no dollars to euros", () => {
  const quotes = new Map(cards.map((card) => [card.symbol, "USDT"]));
  const overview = summarise(cards, quotes);
  expect(overview).toMatchObject({
    rising: 1,
    falling: 1,
    others: 1,
    best: BTC,
    worst: ETH,
    quoteVolume: 1400,
  });
  expect(overview.freshness).toEqual({ fresh: 2, aging: 0, stale: 0, none: 1 });
  expect(summarise(cards, new Map([...quotes, ["ETHUSDT", "EUR"]])).quoteVolume).toBeNull();
});
