import { isFiltered, readFilters, toQuery } from "./filters";

const read = (address: string) => {
  const parameters = new URLSearchParams(address);
  return readFilters((name) => parameters.get(name));
};

it("reads from an address what the API understands, and nothing else", () => {
  expect(read("state=failed,running,bogus&kind=fetch_window&symbol=BTCUSDT&interval=1M&all=1")).toEqual({
    states: ["running", "failed"],
    kind: "fetch_window",
    job: null,
    symbol: "BTCUSDT",
    interval: "1M",
    all: true,
    cursor: null,
  });
  expect(isFiltered(read("symbol=btc usdt&interval=7m&kind=No!"))).toBe(false);
});

it("asks the API only for what is chosen", () => {
  expect(JSON.parse(JSON.stringify(toQuery(read(""), 50)))).toEqual({ limit: 50 });
  expect(JSON.parse(JSON.stringify(toQuery(read("state=failed&before=abc"), 50)))).toEqual({
    limit: 50,
    state: ["failed"],
    cursor: "abc",
  });
});
