import { replayText } from "./replayText";

it.each([
  [{ days: 1, inserted: 0, replaced: 0, deleted: 0 }, "Looked at 1 day of a series: nothing would change."],
  [
    { days: 12, inserted: 3, replaced: 1, deleted: 0, refused_days: 1 },
    "Looked at 12 days of series: 3 candles would be added, 1 candle would be replaced, " +
      "1 day would be left, since its objects are gone.",
  ],
  [null, "The dry run has ended; its run tells what it found."],
])("tells %j", (result, text) => expect(replayText(result)).toBe(text));
