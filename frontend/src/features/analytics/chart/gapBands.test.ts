import { shorten } from "./gapBands";

const letters = (text: string) => text.length;

it("cuts a label that has no room, and leaves out what would tell nothing", () => {
  expect(shorten("not fetched yet", 15, letters)).toBe("not fetched yet");
  expect(shorten("not fetched yet", 12, letters)).toBe("not fetched…");
  expect(shorten("not fetched yet", 5, letters)).toBe("");
  expect(shorten("gap", 3, letters)).toBe("gap");
});
