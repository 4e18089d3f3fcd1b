import { Table, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import classes from "./DataTable.module.css";

export type Column<Row> = {
  id: string;
  title: ReactNode;
  cell: (row: Row) => ReactNode;
  /** What the rows are sorted by when the column's head is pressed; without it they are not. */
  sortBy?: (row: Row) => number | string | null;
  align?: "left" | "right";
  /** Left out below this width. */
  from?: "sm" | "md" | "lg";
};

type Props<Row> = {
  /** What the table shows, for those who cannot see its panel's title. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  sorted?: { by: string; down: boolean };
  onRow?: (row: Row) => void;
};

/** A table that can be sorted; it scrolls sideways where it does not fit. */
export function DataTable<Row>({ label, columns, rows, rowKey, sorted, onRow }: Props<Row>) {
  const [order, setOrder] = useState(sorted);
  const column = columns.find((one) => one.id === order?.by);
  const shown = column?.sortBy && order ? sortRows(rows, column.sortBy, order.down) : rows;
  const press = (by: string) => setOrder((now) => ({ by, down: now?.by === by ? !now.down : false }));
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label={label} className={classes.table}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((one) => (
              <Table.Th
                key={one.id}
                visibleFrom={one.from}
                ta={one.align}
                aria-sort={order?.by !== one.id ? undefined : order.down ? "descending" : "ascending"}
              >
                {one.sortBy ? (
                  <UnstyledButton className={classes.head} onClick={() => press(one.id)}>
                    {one.title}
                    {order?.by === one.id &&
                      (order.down ? <IconArrowDown size={13} /> : <IconArrowUp size={13} />)}
                  </UnstyledButton>
                ) : (
                  one.title
                )}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shown.map((row) => (
            <Table.Tr
              key={rowKey(row)}
              className={onRow && classes.pressable}
              onClick={onRow && (() => onRow(row))}
            >
              {columns.map((one) => (
                <Table.Td key={one.id} visibleFrom={one.from} ta={one.align}>
                  {one.cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Sort by what *by* gives; rows of which it gives null come last either way. */
export function sortRows<Row>(
  rows: readonly Row[],
  by: (row: Row) => number | string | null,
  down: boolean,
): Row[] {
  const sign = down ? -1 : 1;
  return rows.toSorted((one, other) => {
    const a = by(one);
    const b = by(other);
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return typeof a === "string" ? sign * a.localeCompare(String(b)) : sign * (a - Number(b));
  });
}
