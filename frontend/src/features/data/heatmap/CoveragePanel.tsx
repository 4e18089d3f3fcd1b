import { Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { IconSearch, IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { queries } from "@/api/queries";
import type { SeriesCoverage } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { plural } from "@/lib/format";
import { useNow } from "@/lib/now";
import { oneOf, useUrlState } from "@/lib/urlState";
import shared from "../Data.module.css";
import { matches } from "../matches";
import { NothingTracked } from "../NothingTracked";
import { DAY_MS, makeRows, TONE_WORDS, TONES } from "./cells";
import { DayDrawer } from "./DayDrawer";
import { Heatmap } from "./Heatmap";
import classes from "./Heatmap.module.css";
import { useOpenDay } from "./openDay";

const RANGES = ["30", "90", "365"] as const;
const AGAIN_MS = 60_000;

/** How complete each day of each series is, and what is known of one day. */
export function CoveragePanel() {
  const [read, write] = useUrlState();
  const days = Number(oneOf(RANGES, read("days"), "30"));
  const todayMs = useNow(DAY_MS);
  const query = useQuery({
    ...queries.coverageDays({ days_from: todayMs - (days - 1) * DAY_MS }),
    refetchInterval: AGAIN_MS,
  });
  return (
    <>
      <Panel
        title="Coverage by day"
        about="How much of what is wanted of each UTC day is held. Press a day for what is known of it."
        actions={
          <SegmentedControl
            aria-label="How many days"
            value={String(days)}
            onChange={(value) => write({ days: value === "30" ? null : value })}
            data={RANGES.map((value) => ({ value, label: value === "365" ? "A year" : `${value} days` }))}
          />
        }
        flush
      >
        <Loaded
          query={query}
          isEmpty={(data) => data.series.length === 0}
          empty={<NothingTracked />}
          lines={10}
        >
          {(data) => <SeriesByDay series={data.series} isOld={query.isPlaceholderData} />}
        </Loaded>
      </Panel>
      <DayDrawer />
    </>
  );
}

function SeriesByDay({ series, isOld }: { series: readonly SeriesCoverage[]; isOld: boolean }) {
  const [read, write] = useUrlState();
  const [, openDay] = useOpenDay();
  const search = read("search") ?? read("symbol") ?? "";
  const all = useMemo(() => makeRows(series), [series]);
  const rows = useMemo(() => all.filter((row) => matches(row, search)), [all, search]);
  return (
    <div aria-busy={isOld}>
      <Group className={shared.toolbar} gap="sm">
        <TextInput
          value={search}
          onChange={(event) => write({ search: event.currentTarget.value, symbol: null })}
          placeholder="Symbol or interval"
          aria-label="Find series by symbol or interval"
          leftSection={<IconSearch size={16} />}
          w={{ base: "100%", xs: 190 }}
        />
        <Text size="xs" c="dimmed" role="status">
          {isOld ? "Other days are on their way." : plural(rows.length, "series", "series")}
        </Text>
      </Group>
      <ul className={classes.legend} aria-label="What the colours mean">
        {TONES.map((tone) => (
          <li key={tone}>
            <span className={classes.swatch} style={{ background: `var(--ch-heat-${tone})` }} />
            {TONE_WORDS[tone]}
          </li>
        ))}
      </ul>
      {rows.length === 0 ? (
        <EmptyState icon={IconSearchOff} title="No series is called that" />
      ) : (
        <Heatmap rows={rows} onOpen={(row, { day }) => openDay({ ...row, day })} />
      )}
    </div>
  );
}
