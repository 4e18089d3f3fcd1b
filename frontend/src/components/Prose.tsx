import { splitTimes } from "@/lib/prose";
import { Time } from "./Time";

const MINUTE_MS = 60_000;

/** A text of the API: the times in it are shown as all others of the page are. */
export function Prose({ text }: { text: string }) {
  return splitTimes(text).map((piece, index) =>
    typeof piece === "string" ? (
      piece
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: a time may stand in a text twice
      <Time key={index} ms={piece} to={piece % MINUTE_MS === 0 ? "minute" : "second"} />
    ),
  );
}
