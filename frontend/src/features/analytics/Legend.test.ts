import { changeSince } from "./Legend";

it("tells how far a close is off the first one in view", () => {
  expect(changeSince([90, null, 100, 110], 1, 110)).toBeCloseTo(10);
  expect(changeSince([90, null, 100, 110], 0, 81)).toBeCloseTo(-10);
  expect(changeSince([null, null], 0, 81)).toBeNull();
  expect(changeSince([90], 0, null)).toBeNull();
});
