import { splitTimes } from "./prose";

const AT = Date.UTC(2026, 0, 9, 14, 30, 5, 120);

it("finds the times in a text and leaves the rest as it is", () => {
  expect(splitTimes("blocked until 2026-01-09T14:30:05.120Z (429)")).toEqual([
    "blocked until ",
    AT,
    " (429)",
  ]);
  expect(splitTimes("2026-01-09T14:30Z – 2026-01-09T14:30:05Z")).toEqual([AT - 5_120, " – ", AT - 120]);
});

it("takes nothing else for a time", () => {
  const text = "2026-01-09 of fetch-2026 at 14:30, 2026-01-09T14:30 of no zone";
  expect(splitTimes(text)).toEqual([text]);
  expect(splitTimes("")).toEqual([]);
});

it("leaves a time that there is not", () => {
  expect(splitTimes("at 2026-19-39T14:30:05Z")).toEqual(["at ", "2026-19-39T14:30:05Z"]);
});
