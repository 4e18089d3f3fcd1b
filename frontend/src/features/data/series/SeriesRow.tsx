import { memo } from "react";
import { Link } from "react-router";
import type { SeriesStatus } from "@/api/types";
import { FreshnessPill, RunPill } from "@/components/Pill";
import { count, share } from "@/lib/format";
import { nextOpen } from "@/lib/interval";
import { useNow } from "@/lib/now";
import { fromNow, timeText, type Zone, zoneName } from "@/lib/time";
import { keyOf } from "./rows";
import classes from "./SeriesTable.module.css";
import { keptText, lagText, missingText } from "./words";

type Props = {
  row: SeriesStatus;
  isSelected: boolean;
  onSelect: (key: string, isOn: boolean, isRange: boolean) => void;
  zone: Zone;
};

/** The cells of one series. Hundreds of them stand on the page: only those that change are drawn again. */
export const SeriesCells = memo(function SeriesCells({ row, isSelected, onSelect, zone }: Props) {
  const key = keyOf(row);
  const query = `symbol=${row.symbol}&interval=${row.interval}`;
  return (
    <>
      <td>
        <input
          type="checkbox"
          className={classes.box}
          checked={isSelected}
          aria-label={`Select ${key}`}
          onChange={(event) => onSelect(key, event.target.checked, withShift(event.nativeEvent))}
        />
      </td>
      <td>
        <Link to={`/analytics?${query}`} aria-label={`${key}, its chart`}>
          {row.interval}
        </Link>
      </td>
      <td className={`${classes.muted} mantine-visible-from-sm`}>{row.tier.replace("TIER", "tier ")}</td>
      <td>
        {row.tracked ? (
          <FreshnessPill freshness={row.freshness} title={<Newest row={row} zone={zone} />} />
        ) : (
          <span className={classes.muted}>not tracked</span>
        )}
      </td>
      <td className={classes.number}>{count(row.record_count)}</td>
      <td>
        <Held row={row} zone={zone} />
      </td>
      <td>
        <Share value={row.share} />
      </td>
      <td className={classes.number}>
        {row.gaps > 0 ? <Link to={`?tab=gaps&symbol=${row.symbol}`}>{count(row.gaps)}</Link> : "0"}
      </td>
      <td className={classes.number} title={missingText(row)}>
        {count(row.missing_candles)}
      </td>
      <td className={classes.muted}>{keptText(row)}</td>
      <td>
        <LastRun row={row} zone={zone} />
      </td>
    </>
  );
});

/** Whether Shift was held when a box was pressed: a change event does not say, the click that made it does. */
function withShift(event: Event): boolean {
  return event instanceof MouseEvent && event.shiftKey;
}

/** The freshness' tooltip: when the newest candle opened, exactly, and how far behind its end is. */
function Newest({ row, zone }: { row: SeriesStatus; zone: Zone }) {
  const nowMs = useNow();
  if (row.newest_ms === null) return "Nothing is held yet";
  return (
    <>
      Newest candle {timeText(row.newest_ms, zone, "second")} {zoneName(zone, row.newest_ms)}
      <br />
      {lagText(nextOpen(row.interval, row.newest_ms), nowMs)}
      {row.status && row.status !== "TRADING" && (
        <>
          <br />
          The exchange says {row.status}: nothing is to come.
        </>
      )}
    </>
  );
}

function Held({ row, zone }: { row: SeriesStatus; zone: Zone }) {
  if (row.oldest_ms === null || row.newest_ms === null) return <span className={classes.muted}>–</span>;
  const exact = [row.oldest_ms, row.newest_ms].map((ms) => timeText(ms, zone)).join(" – ");
  return (
    <span className="ch-num" title={`${exact} ${zoneName(zone, row.newest_ms)}`}>
      {timeText(row.oldest_ms, zone, "day")} – {timeText(row.newest_ms, zone, "day")}
    </span>
  );
}

function Share({ value }: { value: number | null }) {
  return (
    <span className={classes.share}>
      <span className="ch-num">{share(value)}</span>
      <span className={classes.bar} aria-hidden>
        <span data-short={(value ?? 0) < 1 || undefined} style={{ width: `${(value ?? 0) * 100}%` }} />
      </span>
    </span>
  );
}

function LastRun({ row, zone }: { row: SeriesStatus; zone: Zone }) {
  const run = row.last_run;
  if (!run) return <span className={classes.muted}>–</span>;
  const atMs = run.finished_ms ?? run.created_ms;
  return (
    <Link to={`/runs/${run.id}`} title={`Run ${run.id}, ${run.kind}: ${timeText(atMs, zone, "second")}`}>
      <RunPill state={run.state} /> <Ago ms={atMs} />
    </Link>
  );
}

function Ago({ ms }: { ms: number }) {
  // The minute that the clock is rounded down to may lie before what has just ended.
  return <span className={classes.muted}>{fromNow(ms, Math.max(ms, useNow(60_000)))}</span>;
}
