import { parseStates, untold } from "./states";

const window = (start_ms: number, end_ms: number) => ({ start_ms, end_ms });

it.each([
  [[window(0, 10)], [], [window(0, 10)]],
  [[window(0, 10)], [window(0, 10)], []],
  [[window(0, 10)], [window(2, 4), window(6, 20)], [window(0, 2), window(4, 6)]],
  [[window(0, 10), window(20, 30)], [window(5, 25)], [window(0, 5), window(25, 30)]],
  [[window(0, 10)], [window(10, 20)], [window(0, 10)]],
])("of what is missing, %j, gaps %j leave %j untold", (missing, gaps, left) => {
  expect(untold(missing, gaps)).toEqual(left);
});

it("takes only states that there are from an address", () => {
  expect(parseStates("failed,lost,detected")).toEqual(["detected", "failed"]);
  expect(parseStates(null)).toEqual([]);
});
