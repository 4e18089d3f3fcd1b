import { Tooltip } from "@mantine/core";
import { useNow } from "@/lib/now";
import { useZone } from "@/lib/preferences";
import { fromNow, timeText, zoneName } from "@/lib/time";

type Props = {
  ms: number | null | undefined;
  to?: "day" | "minute" | "second" | "clock";
  /** Shown as `3 min ago`; the time itself is in the tooltip. */
  relative?: boolean;
};

/** A time in the zone that this browser's owner prefers; the tooltip has it exact, with its zone. */
export function Time({ ms, to = "minute", relative = false }: Props) {
  const [zone] = useZone();
  if (ms == null) return <span className="ch-num">–</span>;
  const label = `${timeText(ms, zone, "second")} ${zoneName(zone, ms)}`;
  return (
    <Tooltip label={label}>
      <time className="ch-num" dateTime={new Date(ms).toISOString()}>
        {relative ? <FromNow ms={ms} /> : timeText(ms, zone, to)}
      </time>
    </Tooltip>
  );
}

function FromNow({ ms }: { ms: number }) {
  return <>{fromNow(ms, useNow())}</>;
}
