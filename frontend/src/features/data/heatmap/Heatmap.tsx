import { Tooltip } from "@mantine/core";
import { type CSSProperties, type KeyboardEvent, type MouseEvent, useEffect, useRef, useState } from "react";
import { type Cell, cellText, type HeatRow, moved, type Place, ticksOf } from "./cells";
import { HeatCanvas } from "./HeatCanvas";
import classes from "./Heatmap.module.css";
import { useWidth } from "./useWidth";

const ROW_PX = 20;
const LABELS_PX = 128;
const NARROWEST_PX = 5;
const WIDEST_PX = 30;

type Props = { rows: readonly HeatRow[]; onOpen: (row: HeatRow, cell: Cell) => void };

/** Series by days. The newest day is at the right end, where it begins to be looked at. */
export function Heatmap({ rows, onOpen }: Props) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const days = rows[0]?.cells.map((cell) => cell.day) ?? [];
  const room = Math.floor((width - LABELS_PX - 12) / Math.max(1, days.length));
  const columnPx = Math.max(NARROWEST_PX, Math.min(WIDEST_PX, room));
  // biome-ignore lint/correctness/useExhaustiveDependencies: other days or another width begin at the end again
  useEffect(() => {
    if (scroller.current) scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [days.length, columnPx]);
  const sizes: CSSProperties & Record<`--${string}`, string> = {
    "--row": `${ROW_PX}px`,
    "--column": `${columnPx}px`,
    "--line": columnPx > 7 ? "2px" : "1px",
  };
  return (
    <div ref={ref}>
      <div ref={scroller} className={classes.scroller} style={sizes}>
        <div className={classes.grid}>
          <div className={`${classes.axis} ${classes.corner}`} />
          <div className={classes.axis} aria-hidden>
            {ticksOf(days, columnPx).map((tick) => (
              <span key={tick.column} className={classes.tick} style={{ left: tick.column * columnPx }}>
                {tick.text}
              </span>
            ))}
          </div>
          <div className={classes.labels} aria-hidden>
            {rows.map((row) => (
              <div key={`${row.symbol} ${row.interval}`} className={classes.label} style={{ height: ROW_PX }}>
                {row.symbol} <span>{row.interval}</span>
              </div>
            ))}
          </div>
          <Plot rows={rows} days={days.length} columnPx={columnPx} onOpen={onOpen} />
        </div>
      </div>
    </div>
  );
}

type PlotProps = Props & { days: number; columnPx: number };

/** The cells, with a cursor that the mouse and the arrow keys move. */
function Plot({ rows, days, columnPx, onOpen }: PlotProps) {
  const [place, setPlace] = useState<Place | null>(null);
  const [told, setTold] = useState("");
  const mark = useRef<HTMLDivElement>(null);
  const found = place && find(rows, place);
  const text = found ? cellText(...found) : "";
  const placeOf = (event: MouseEvent<HTMLElement>): Place => {
    const box = event.currentTarget.getBoundingClientRect();
    return {
      row: Math.min(rows.length - 1, Math.floor((event.clientY - box.top) / ROW_PX)),
      column: Math.min(days - 1, Math.floor((event.clientX - box.left) / columnPx)),
    };
  };
  const point = (event: MouseEvent<HTMLElement>) => {
    const now = placeOf(event);
    if (now.row !== place?.row || now.column !== place.column) setPlace(now);
  };
  const go = (to: Place) => {
    const cell = find(rows, to);
    setPlace(to);
    if (cell) setTold(cellText(...cell));
    requestAnimationFrame(() => mark.current?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  };
  const press = (event: KeyboardEvent) => {
    const from = place ?? { row: 0, column: days - 1 };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      const cell = find(rows, from);
      if (cell) onOpen(...cell);
      return;
    }
    const to = moved(from, event.key, rows.length, days);
    if (!to) return;
    event.preventDefault();
    go(to);
  };
  const open = (event: MouseEvent<HTMLElement>) => {
    const cell = find(rows, placeOf(event));
    if (cell) onOpen(...cell);
  };
  return (
    <Tooltip.Floating label={text} disabled={!text} multiline maw={280}>
      <div
        className={classes.plot}
        style={{ width: days * columnPx, height: rows.length * ROW_PX }}
        role="application"
        aria-roledescription="heatmap"
        aria-label="Coverage by series and day. Arrow keys move, Enter opens a day."
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved about in by keys
        tabIndex={0}
        onMouseMove={point}
        onMouseLeave={() => setPlace(null)}
        onClick={open}
        onKeyDown={press}
        onFocus={(event) => {
          if (event.currentTarget.matches(":focus-visible")) go(place ?? { row: 0, column: days - 1 });
        }}
      >
        <HeatCanvas rows={rows} days={days} />
        <div className={classes.lines} />
        {place && (
          <div
            ref={mark}
            className={classes.cursor}
            style={{ left: place.column * columnPx, top: place.row * ROW_PX }}
          />
        )}
        <span className="ch-unseen" role="status">
          {told}
        </span>
      </div>
    </Tooltip.Floating>
  );
}

function find(rows: readonly HeatRow[], at: Place): [HeatRow, Cell] | null {
  const row = rows[at.row];
  const cell = row?.cells[at.column];
  return row && cell ? [row, cell] : null;
}
