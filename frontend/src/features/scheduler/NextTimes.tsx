import { List } from "@mantine/core";
import { Time } from "@/components/Time";

/** When a schedule comes due next: by the clocks it goes by, and how long that is from now. */
export function NextTimes({ times, timeZone }: { times: readonly number[]; timeZone: string }) {
  const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone });
  return (
    <List size="sm" mt={4} aria-label="The next five times">
      {times.map((ms) => (
        <List.Item key={ms}>
          <span className="ch-num">
            {clock.format(ms)} {timeZone}
          </span>
          , <Time ms={ms} relative />
        </List.Item>
      ))}
    </List>
  );
}
