import { ActionIcon, Drawer, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { queries } from "@/api/queries";
import type { Interval } from "@/api/types";
import { feeding, floorOpen, nextOpen } from "@/lib/interval";
import { useZone } from "@/lib/preferences";
import { timeText, zoneName } from "@/lib/time";
import { LineageFacts } from "./LineageFacts";
import { Loaded } from "./Loaded";

type Props = {
  symbol: string;
  /** Of the candle that was chosen, and when it opened; null while none is. */
  interval: Interval;
  openMs: number | null;
  /** Which intervals of the symbol are stored. */
  stored: readonly Interval[];
  onClose: () => void;
  /** What else can be done with that moment. */
  children?: ReactNode;
};

/** Where a candle came from: object, request, run; or why there is none. */
export function LineageDrawer({ symbol, interval, openMs, stored, onClose, children }: Props) {
  const [zone] = useZone();
  const title =
    openMs === null ? "" : `${symbol} ${interval}, ${timeText(openMs, zone)} ${zoneName(zone, openMs)}`;
  return (
    <Drawer
      opened={openMs !== null}
      onClose={onClose}
      position="right"
      size={460}
      title={<Text fw={600}>{title}</Text>}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {openMs !== null && (
        <Stack gap="md">
          {children}
          <OfBar key={`${symbol} ${interval} ${openMs}`} {...{ symbol, interval, openMs, stored }} />
        </Stack>
      )}
    </Drawer>
  );
}

type BarProps = { symbol: string; interval: Interval; openMs: number; stored: readonly Interval[] };

/** A bar is a stored candle, or made of finer ones: then each of these has a lineage of its own. */
function OfBar({ symbol, interval, openMs, stored }: BarProps) {
  const parts = feeding(stored, interval);
  const [part, setPart] = useState(parts.find((one) => one === interval) ?? parts[0]);
  const [step, setStep] = useState(0);
  if (!part) return <Text size="sm">Nothing that is kept makes such a candle.</Text>;
  const opens = part === interval ? [openMs] : listOpens(part, openMs, nextOpen(interval, openMs));
  const at = opens[Math.min(step, opens.length - 1)] ?? openMs;
  return (
    <>
      {parts.length > 1 && (
        <SegmentedControl
          size="xs"
          aria-label="Lineage of"
          value={part}
          data={parts.map((one) => ({
            value: one,
            label: one === interval ? `The stored ${one} candle` : `Its ${one} candles`,
          }))}
          onChange={(chosen) => {
            setPart(parts.find((one) => one === chosen));
            setStep(0);
          }}
        />
      )}
      <Text size="sm" c="dimmed">
        {originText(interval, part, parts, opens.length)}
      </Text>
      {opens.length > 1 && <Steps amount={opens.length} step={step} onStep={setStep} openMs={at} />}
      <OfCandle symbol={symbol} interval={part} openMs={at} />
    </>
  );
}

/** The open times of the candles of *part* within a window. */
export function listOpens(part: Interval, startMs: number, endMs: number): number[] {
  const opens: number[] = [];
  for (let ms = floorOpen(part, startMs); ms < endMs; ms = nextOpen(part, ms)) opens.push(ms);
  return opens;
}

/** How a bar comes to be, in words. */
export function originText(
  interval: Interval,
  part: Interval,
  parts: readonly Interval[],
  amount: number,
): string {
  const isRolledUp = (interval === "1h" || interval === "1d") && parts.includes("1m");
  if (part === interval && !isRolledUp)
    return `Candles of ${interval} are stored as the exchange sends them.`;
  if (isRolledUp) {
    const other = parts.includes(interval) ? "; where it is not, the candle that the exchange sent" : "";
    return `A bar of ${interval} is drawn from the rollup of its minutes where that is whole${other}.`;
  }
  return `No candles of ${interval} are stored: this one is put together from ${amount} of ${part}. Each came on its own way.`;
}

type StepsProps = { amount: number; step: number; onStep: (step: number) => void; openMs: number };

function Steps({ amount, step, onStep, openMs }: StepsProps) {
  const [zone] = useZone();
  return (
    <Group justify="space-between" wrap="nowrap">
      <ActionIcon
        variant="default"
        aria-label="The candle before"
        disabled={step === 0}
        onClick={() => onStep(step - 1)}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      <Text size="sm" className="ch-num" aria-live="polite">
        {timeText(openMs, zone)} · {step + 1} of {amount}
      </Text>
      <ActionIcon
        variant="default"
        aria-label="The candle after"
        disabled={step >= amount - 1}
        onClick={() => onStep(step + 1)}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </Group>
  );
}

function OfCandle({ symbol, interval, openMs }: { symbol: string; interval: Interval; openMs: number }) {
  const query = useQuery(queries.lineage(symbol, { interval, time: openMs }));
  return (
    <Loaded query={query} lines={10}>
      {(lineage) => <LineageFacts lineage={lineage} />}
    </Loaded>
  );
}
