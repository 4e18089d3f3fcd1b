import { Text } from "@mantine/core";
import {
  type Icon,
  IconBuildingWarehouse,
  IconChevronRight,
  IconDatabase,
  IconStack2,
  IconWorld,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Fragment, type ReactNode } from "react";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Pipeline } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { Time } from "@/components/Time";
import { bytes, count } from "@/lib/format";
import { duration } from "@/lib/time";
import { perMinute } from "./flow";
import classes from "./Pipeline.module.css";

/** Exchange, lake, warehouse, rollups: rates of the last hour, what waits between them, how late the last is. */
export function FlowPanel() {
  const query = useQuery({ ...queries.pipeline(), refetchInterval: Math.min(useRefresh(), 10_000) });
  return (
    <Panel title="Flow" about="Rates are those of the last hour">
      <Loaded query={query} lines={5}>
        {(data) => <Flow data={data} />}
      </Loaded>
    </Panel>
  );
}

function Flow({ data }: { data: Pipeline }) {
  const stations = [
    <ExchangeStation key="exchange" data={data} />,
    <LakeStation key="lake" data={data} />,
    <WarehouseStation key="warehouse" data={data} />,
    <RollupStation key="rollups" data={data} />,
  ];
  return (
    <div className={classes.flow}>
      {stations.map((station, index) => (
        <Fragment key={station.key}>
          {index > 0 && <IconChevronRight className={classes.arrow} aria-hidden />}
          {station}
        </Fragment>
      ))}
    </div>
  );
}

type StationProps = { icon: Icon; name: string; big: ReactNode; small: ReactNode; children: ReactNode };

function Station({ icon: Drawn, name, big, small, children }: StationProps) {
  return (
    <section className={classes.station} aria-label={name}>
      <Text size="sm" fw={600} className={classes.name}>
        <Drawn size={18} stroke={1.6} aria-hidden /> {name}
      </Text>
      <div className={classes.big}>{big}</div>
      <Text size="xs" c="dimmed">
        {small}
      </Text>
      <div className={classes.state}>{children}</div>
    </section>
  );
}

function ExchangeStation({ data }: { data: Pipeline }) {
  const blocked = data.budgets.find(
    (one) => one.blocked_until_ms !== null && one.blocked_until_ms > data.now_ms,
  );
  const asked = data.budgets[0];
  return (
    <Station
      icon={IconWorld}
      name="Exchange"
      big={`${perMinute(data.last_hour.candles)} candles/min`}
      small={
        asked
          ? `${count(asked.used_weight)} of ${count(asked.weight_limit)} weight in its last minute`
          : "not asked yet"
      }
    >
      {blocked ? (
        <Pill tone="bad">
          blocked until <Time ms={blocked.blocked_until_ms} to="clock" />
        </Pill>
      ) : (
        <Pill tone="good">answers</Pill>
      )}
    </Station>
  );
}

function LakeStation({ data }: { data: Pipeline }) {
  const waiting = data.waiting.reduce((sum, lane) => sum + lane.objects, 0);
  const oldestMs = Math.min(...data.waiting.map((lane) => lane.oldest_captured_ms));
  return (
    <Station
      icon={IconStack2}
      name="Lake"
      big={`${perMinute(data.last_hour.objects)} objects/min`}
      small={`${bytes(data.last_hour.size_bytes)} in the last hour`}
    >
      {waiting === 0 ? (
        <Pill tone="good">nothing waits to be loaded</Pill>
      ) : (
        <Pill
          tone="busy"
          title={data.waiting.map((lane) => `${lane.lane}: ${count(lane.objects)}`).join(", ")}
        >
          {count(waiting)} wait, the oldest for {duration(data.now_ms - oldestMs)}
        </Pill>
      )}
    </Station>
  );
}

function WarehouseStation({ data }: { data: Pipeline }) {
  const aside = data.quarantined_objects + data.quarantined_rows;
  return (
    <Station
      icon={IconDatabase}
      name="Warehouse"
      big={count(data.candles_held)}
      small={`candles held; ${count(data.last_hour.loaded)} of ${count(data.last_hour.objects)} objects of the last hour are loaded`}
    >
      {aside === 0 ? (
        <Pill tone="good">nothing set aside</Pill>
      ) : (
        <Pill tone="warn">
          <Link to="?tab=quarantine">{count(aside)} set aside</Link>
        </Pill>
      )}
    </Station>
  );
}

function RollupStation({ data }: { data: Pipeline }) {
  const { fresh = 0, aging = 0, stale = 0 } = data.freshness;
  return (
    <Station
      icon={IconBuildingWarehouse}
      name="Rollups"
      big={data.worst_lag_ms === null ? "–" : duration(data.worst_lag_ms)}
      small={`behind is the latest of ${count(data.series)} series; hours and days are made with each load`}
    >
      {stale > 0 ? (
        <Pill tone="bad">
          {stale} stale, {aging} aging
        </Pill>
      ) : aging > 0 ? (
        <Pill tone="warn">{aging} aging</Pill>
      ) : (
        <Pill tone="good">{fresh} series fresh</Pill>
      )}
    </Station>
  );
}
