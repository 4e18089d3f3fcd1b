import { makePlan, makeSeriesPlan } from "@/test/runFactories";
import { keepDays, keptOtherwise, keptWords } from "./keeping";
import { MOST_CANDLES, needsYes, nothingToDo, sumUp } from "./planText";

it("adds up over the series what is not fetched, and names what cannot be had", () => {
  const plan = makePlan({
    series: [
      makeSeriesPlan({ held: 100, empty: 7 }),
      makeSeriesPlan({ symbol: "ETHUSDT", held: 50, under_way: 3 }),
      makeSeriesPlan({ symbol: "NEWUSDT", interval: "1h", start_ms: null, end_ms: null, candles: 0 }),
    ],
  });
  expect(sumUp(plan)).toEqual({ held: 150, empty: 7, underWay: 3, unavailable: ["NEWUSDT 1h"] });
  expect(nothingToDo(plan)).toBeNull();
});

it("says why there is nothing to fetch", () => {
  const none = { candles: 0, requests: 0 };
  const why = (over: Parameters<typeof makeSeriesPlan>[0]) =>
    nothingToDo(makePlan({ series: [makeSeriesPlan({ ...none, ...over })] }));
  expect(why({ held: 10 })).toBe("All of it is held already.");
  expect(why({ under_way: 10 })).toBe("All of it is held or on its way already.");
  expect(why({ empty: 10 })).toBe("The exchange does not have any of it.");
  expect(why({ start_ms: null })).toBe("The exchange has no candles of these in that time.");
});

it("wants more than twenty million candles said twice", () => {
  const of = (candles: number) => makePlan({ series: [makeSeriesPlan({ candles })] });
  expect(needsYes(of(MOST_CANDLES))).toBe(false);
  expect(needsYes(of(MOST_CANDLES + 1))).toBe(true);
});

it("warns of series whose keeping changes, those alone that hold something", () => {
  const plan = makePlan({
    series: [
      makeSeriesPlan({ held: 5, kept_days: null }),
      makeSeriesPlan({ symbol: "ETHUSDT", held: 5, kept_days: 0 }),
      makeSeriesPlan({ symbol: "SOLUSDT", held: 0, kept_days: null }),
    ],
  });
  expect(keptOtherwise(plan, { how: "ever", days: 1 }).map((one) => one.symbol)).toEqual(["BTCUSDT"]);
  expect(keptOtherwise(plan, { how: "settings", days: 1 }).map((one) => one.symbol)).toEqual(["ETHUSDT"]);
  expect(keptOtherwise(plan, { how: "days", days: 30 })).toHaveLength(2);
});

it("says how long something is kept as the API and as people do", () => {
  expect([
    keepDays({ how: "ever", days: 9 }),
    keepDays({ how: "settings", days: 9 }),
    keepDays({ how: "days", days: 9 }),
  ]).toEqual([0, null, 9]);
  expect([keptWords(0), keptWords(null), keptWords(9)]).toEqual([
    "for ever",
    "as the settings say",
    "for 9 days",
  ]);
});
