import { Button, Group, Text } from "@mantine/core";
import type { SymbolRow } from "@/api/types";
import { useZone } from "@/lib/preferences";
import { zoneName } from "@/lib/time";
import { useUrlState } from "@/lib/urlState";
import classes from "./Analytics.module.css";
import { GoTo } from "./GoTo";
import { makeableOf } from "./series";
import { intervalFor, RANGES, type Range, spanOf, type View } from "./view";

type Props = { view: View; symbol: SymbolRow; firstMs: number };

/** How much is shown, and in which zone times are told. */
export function RangeBar({ view, symbol, firstMs }: Props) {
  const [, write] = useUrlState();
  const [zone] = useZone();
  const choose = (range: Range) => {
    const interval = intervalFor(spanOf(range, firstMs, Date.now()), view.interval, makeableOf(symbol));
    write({ range, interval, from: null, to: null });
  };
  return (
    <div className={classes.bar} data-low>
      <Group gap={2} role="group" aria-label="Range">
        {RANGES.map((range) => {
          const isChosen = view.hand === null && view.range === range;
          return (
            <Button
              key={range}
              size="compact-xs"
              variant={isChosen ? "light" : "subtle"}
              color={isChosen ? undefined : "gray"}
              aria-pressed={isChosen}
              onClick={() => choose(range)}
            >
              {range}
            </Button>
          );
        })}
        <GoTo view={view} />
      </Group>
      <span className={classes.grow} />
      <Text size="xs" c="dimmed">
        Times in {zone === "utc" ? "UTC" : `your zone, ${zoneName("local")}`}
      </Text>
    </div>
  );
}
