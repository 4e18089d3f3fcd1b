import { makeRateLimit } from "@/test/runFactories";
import { laneShares, usedLine } from "./requests";

it("draws each lane as a share of what we may use", () => {
  expect(laneShares(makeRateLimit())).toEqual({ live: 5, repair: 0, history: 20 });
  expect(usedLine(makeRateLimit())).toBe("1,200 of 4,800 used (25 %); the exchange allows 6,000");
});

it("counts nothing once the minute is over, and claims no limit that nobody told", () => {
  const over = makeRateLimit({ is_current: false, used_pct: 0 });
  expect(laneShares(over)).toEqual({ live: 0, repair: 0, history: 0 });
  expect(usedLine(over)).toBe("0 of 4,800 used (0 %); the exchange allows 6,000");
  const untold = makeRateLimit({ allowed_weight: null, weight_limit: null, used_pct: null });
  expect(laneShares(untold)).toEqual({ live: 0, repair: 0, history: 0 });
  expect(usedLine(untold)).toBe("1,200 used; the exchange has not said what it allows");
});
