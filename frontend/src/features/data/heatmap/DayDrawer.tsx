import { ActionIcon, Button, Drawer, Group, Stack, Text, Title } from "@mantine/core";
import { IconChartCandle, IconChevronLeft, IconChevronRight, IconTool } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Gap, SeriesCoverage } from "@/api/types";
import { Figure, Figures } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Time } from "@/components/Time";
import { count, share } from "@/lib/format";
import { roughMs } from "@/lib/interval";
import { AskedRuns } from "../AskedRuns";
import { chartAddress } from "../chartAddress";
import { GapStory } from "../gaps/GapStory";
import { GAP_STATES, isFillable, untold } from "../gaps/states";
import { useGapActions } from "../gaps/useGapActions";
import { DAY_MS, dayText, dueOf, makeCell, shareOf } from "./cells";
import { daysAway, type SeriesDay, useOpenDay } from "./openDay";

/** What is known of one day of one series; which one is in the address. */
export function DayDrawer() {
  const [open, setOpen] = useOpenDay();
  return (
    <Drawer
      opened={open !== null}
      onClose={() => setOpen(null)}
      position="right"
      size="lg"
      closeButtonProps={{ "aria-label": "Close the day" }}
      title={open ? `${open.symbol} ${open.interval}, ${open.day}` : ""}
    >
      {open && (
        <Day key={`${open.symbol} ${open.interval}`} {...open} onGo={(day) => setOpen({ ...open, day })} />
      )}
    </Drawer>
  );
}

function Day({ symbol, interval, day, onGo }: SeriesDay & { onGo: (day: string) => void }) {
  const startMs = Date.parse(`${day}T00:00:00Z`);
  const endMs = startMs + DAY_MS;
  const refetchInterval = useRefresh();
  const days = { days_from: startMs, days_until: endMs };
  const coverage = useQuery({
    ...queries.coverage({ symbol: [symbol], interval, windows: true, ...days }),
    refetchInterval,
  });
  const window = { start: startMs, end: endMs, state: [...GAP_STATES], limit: 200 };
  const gaps = useQuery({
    ...queries.gaps({ symbol: [symbol], interval: [interval], ...window }),
    refetchInterval,
  });
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Group gap={4}>
          <ActionIcon variant="default" aria-label="The day before" onClick={() => onGo(daysAway(day, -1))}>
            <IconChevronLeft size={16} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            aria-label="The day after"
            disabled={endMs > Date.now()}
            onClick={() => onGo(daysAway(day, 1))}
          >
            <IconChevronRight size={16} />
          </ActionIcon>
        </Group>
        <Button
          component={Link}
          size="xs"
          variant="default"
          leftSection={<IconChartCandle size={15} />}
          to={chartAddress(symbol, interval, startMs, endMs)}
        >
          Open in chart
        </Button>
      </Group>
      <Loaded query={coverage}>
        {({ series: [one] }) =>
          one && (
            <>
              <DayFigures series={one} />
              <Loaded query={gaps}>
                {(told) => (
                  <DayGaps symbol={symbol} series={one} gaps={told.gaps} within={[startMs, endMs]} />
                )}
              </Loaded>
            </>
          )
        }
      </Loaded>
    </Stack>
  );
}

function DayFigures({ series }: { series: SeriesCoverage }) {
  const day = series.days?.[0];
  if (!day) return null;
  const cell = makeCell(day, series);
  if (cell.wanted === 0) return <Text size="sm">{sentence(dayText(cell))}</Text>;
  return (
    <Figures>
      <Figure
        label="Held of wanted"
        value={`${count(cell.wanted - cell.missing)} of ${count(cell.wanted)}`}
      />
      <Figure label="Share" value={share(shareOf(cell))} />
      <Figure label="Missing" value={count(cell.missing)} />
    </Figures>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

type DayGapsProps = {
  symbol: string;
  series: SeriesCoverage;
  gaps: readonly Gap[];
  within: [number, number];
};

function DayGaps({ symbol, series, gaps, within: [startMs, endMs] }: DayGapsProps) {
  const { fill, check, asked } = useGapActions();
  const fillable = gaps.filter(isFillable).map((gap) => gap.id);
  const [day] = series.days ?? [];
  const dueMs = day ? dueOf(day, series.interval) * roughMs(series.interval) : 0;
  const untilMs = Math.min(endMs, (series.wanted?.end_ms ?? endMs) - dueMs);
  const missing = (series.missing ?? []).flatMap((window) => {
    const part = { start_ms: Math.max(window.start_ms, startMs), end_ms: Math.min(window.end_ms, untilMs) };
    return part.end_ms > part.start_ms ? [part] : [];
  });
  const unseen = untold(missing, gaps);
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Title order={3} size="h6">
          What is known of it
        </Title>
        {fillable.length > 0 && (
          <Button
            size="xs"
            leftSection={<IconTool size={15} />}
            loading={fill.isPending}
            onClick={() => fill.mutate(fillable)}
          >
            Fill now
          </Button>
        )}
      </Group>
      <AskedRuns asked={asked} />
      {gaps.length === 0 && unseen.length === 0 && (
        <Text size="sm" c="dimmed">
          No gap was ever seen on this day.
        </Text>
      )}
      {gaps.map((gap) => (
        <GapStory key={gap.id} gap={gap} />
      ))}
      {unseen.length > 0 && (
        <Unseen windows={unseen} isChecking={check.isPending} onCheck={() => check.mutate([symbol])} />
      )}
    </Stack>
  );
}

type UnseenProps = {
  windows: readonly { start_ms: number; end_ms: number }[];
  isChecking: boolean;
  onCheck: () => void;
};

/** Windows that are missing and that no look for gaps has told of yet. */
function Unseen({ windows, isChecking, onCheck }: UnseenProps) {
  return (
    <Stack gap={6} align="flex-start">
      <Text size="sm">Missing, and nobody has looked why yet:</Text>
      {windows.map((window) => (
        <Text key={window.start_ms} size="sm" className="ch-num">
          <Time ms={window.start_ms} /> – <Time ms={window.end_ms} />
        </Text>
      ))}
      <Button size="xs" variant="default" loading={isChecking} onClick={onCheck}>
        Check gaps
      </Button>
    </Stack>
  );
}
