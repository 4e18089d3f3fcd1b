import { UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { memo, useCallback, useMemo, useRef } from "react";
import { useZone } from "@/lib/preferences";
import type { Zone } from "@/lib/time";
import { type Group, keyOf, type Order } from "./rows";
import { SeriesCells } from "./SeriesRow";
import classes from "./SeriesTable.module.css";
import { amountOf, between, choose, type Selection } from "./selection";

const COLUMNS: { order: Order; title: string; isNumber?: boolean; className?: string }[] = [
  { order: "interval", title: "Interval" },
  { order: "tier", title: "Tier", className: "mantine-visible-from-sm" },
  { order: "freshness", title: "Freshness" },
  { order: "records", title: "Candles", isNumber: true },
  { order: "held", title: "Held from – to" },
  { order: "share", title: "Of expected", isNumber: true },
  { order: "gaps", title: "Gaps", isNumber: true },
  { order: "missing", title: "Missing", isNumber: true },
  { order: "kept", title: "Kept" },
  { order: "run", title: "Last run" },
];

type Props = {
  groups: readonly Group[];
  order: Order;
  down: boolean;
  onSort: (order: Order) => void;
  selection: Selection;
  onSelection: (change: (before: Selection) => Selection) => void;
};

/** The series, those of a symbol together. */
export function SeriesTable({ groups, order, down, onSort, selection, onSelection }: Props) {
  const [zone] = useZone();
  const keys = useMemo(() => groups.flatMap((group) => group.rows.map(keyOf)), [groups]);
  // What the callbacks need to know of the table without being others for each table.
  const shown = useRef(keys);
  shown.current = keys;
  const anchor = useRef<string | null>(null);
  const select = useCallback(
    (key: string, isOn: boolean, isRange: boolean) => {
      const range = isRange ? between(shown.current, anchor.current, key) : [key];
      anchor.current = key;
      onSelection((before) => choose(before, range, isOn));
    },
    [onSelection],
  );
  const selectAll = useCallback(
    (several: readonly string[], isOn: boolean) => onSelection((before) => choose(before, several, isOn)),
    [onSelection],
  );
  return (
    <section className={classes.scroller} aria-label="Series by symbol">
      <table className={classes.table} aria-label="Series">
        <thead>
          <tr>
            <th aria-sort={order !== "symbol" ? undefined : down ? "descending" : "ascending"}>
              <span className={classes.symbol}>
                <Box
                  label="Select all series shown"
                  amount={amountOf(selection, keys)}
                  onChange={(isOn) => selectAll(keys, isOn)}
                />
                <Head
                  title="Symbol"
                  isSorted={order === "symbol"}
                  down={down}
                  onPress={() => onSort("symbol")}
                />
              </span>
            </th>
            <td aria-hidden />
            {COLUMNS.map((column) => (
              <th
                key={column.order}
                className={column.isNumber ? classes.number : column.className}
                aria-sort={order !== column.order ? undefined : down ? "descending" : "ascending"}
              >
                <Head
                  title={column.title}
                  isSorted={order === column.order}
                  down={down}
                  onPress={() => onSort(column.order)}
                />
              </th>
            ))}
          </tr>
        </thead>
        {groups.map((group) => (
          <SymbolRows
            key={group.symbol}
            group={group}
            selected={group.rows
              .filter((row) => selection.has(keyOf(row)))
              .map(keyOf)
              .join()}
            onSelect={select}
            onSelectAll={selectAll}
            zone={zone}
          />
        ))}
      </table>
    </section>
  );
}

type GroupProps = {
  group: Group;
  /** The keys of its rows that are selected, as one text: a set would be another one each time. */
  selected: string;
  onSelect: (key: string, isOn: boolean, isRange: boolean) => void;
  onSelectAll: (keys: readonly string[], isOn: boolean) => void;
  zone: Zone;
};

const SymbolRows = memo(function SymbolRows({ group, selected, onSelect, onSelectAll, zone }: GroupProps) {
  const chosen = new Set(selected.split(","));
  const keys = group.rows.map(keyOf);
  return (
    <tbody>
      {group.rows.map((row, index) => (
        <tr key={row.interval} data-selected={chosen.has(keyOf(row)) || undefined}>
          {index === 0 && (
            <th scope="rowgroup" rowSpan={group.rows.length}>
              <span className={classes.symbol}>
                {keys.length > 1 && (
                  <Box
                    label={`Select all of ${group.symbol}`}
                    amount={amountOf(chosen, keys)}
                    onChange={(isOn) => onSelectAll(keys, isOn)}
                  />
                )}
                {group.symbol}
              </span>
            </th>
          )}
          <SeriesCells row={row} isSelected={chosen.has(keyOf(row))} onSelect={onSelect} zone={zone} />
        </tr>
      ))}
    </tbody>
  );
}, hasSameRows);

/** A new answer makes new groups of rows that are the same: those need not be drawn again. */
function hasSameRows(before: GroupProps, after: GroupProps): boolean {
  return (
    before.selected === after.selected &&
    before.zone === after.zone &&
    before.onSelect === after.onSelect &&
    before.onSelectAll === after.onSelectAll &&
    before.group.rows.length === after.group.rows.length &&
    before.group.rows.every((row, index) => row === after.group.rows[index])
  );
}

type BoxProps = { label: string; amount: "all" | "some" | "none"; onChange: (isOn: boolean) => void };

/** A box for several rows: half ticked where only some of them are. */
function Box({ label, amount, onChange }: BoxProps) {
  return (
    <input
      type="checkbox"
      className={classes.box}
      aria-label={label}
      checked={amount === "all"}
      ref={(box) => {
        if (box) box.indeterminate = amount === "some";
      }}
      onChange={(event) => onChange(event.target.checked)}
    />
  );
}

type HeadProps = { title: string; isSorted: boolean; down: boolean; onPress: () => void };

function Head({ title, isSorted, down, onPress }: HeadProps) {
  return (
    <UnstyledButton className={classes.head} onClick={onPress}>
      {title}
      {isSorted && (down ? <IconArrowDown size={13} aria-hidden /> : <IconArrowUp size={13} aria-hidden />)}
    </UnstyledButton>
  );
}
