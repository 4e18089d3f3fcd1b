import { KINDS, parseKinds } from "./words";

it("takes only kinds that there are from an address", () => {
  expect(parseKinds("stale,odd,ohlc")).toEqual(["stale", "ohlc"]);
  expect(parseKinds(null)).toEqual([]);
  expect(KINDS).toContain("price_jump");
});
