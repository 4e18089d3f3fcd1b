import { csvOf } from "./save";

it("quotes what would break a row, and makes no formula", () => {
  const rows = [
    { a: 'say "hi", you', b: null, c: "=1+1" },
    { a: "x\ny", b: { deep: 1 }, c: 5 },
  ];
  expect(csvOf(rows)).toBe('a,b,c\r\n"say ""hi"", you",,\'=1+1\r\n"x\ny","{""deep"":1}",5\r\n');
});
