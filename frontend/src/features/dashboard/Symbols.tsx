import { Table, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { Card } from "@/api/types";
import { Panel } from "@/components/Panel";
import type { Order } from "./arrange";
import classes from "./Dashboard.module.css";
import { SymbolCard } from "./SymbolCard";
import { SymbolRow } from "./SymbolRow";
import type { View } from "./Toolbar";

type Column = { order: Order; title: string; align?: "right"; from?: "sm" | "md" };

const COLUMNS: readonly Column[] = [
  { order: "symbol", title: "Symbol" },
  { order: "price", title: "Price", align: "right" },
  { order: "change", title: "24 h", align: "right" },
  { order: "range", title: "Low to high", from: "md" },
  { order: "volume", title: "Volume", align: "right", from: "sm" },
];

type Props = {
  cards: readonly Card[];
  view: View;
  favourites: ReadonlySet<string>;
  toggle: (symbol: string) => void;
  order: Order;
  down: boolean;
  sort: (order: Order) => void;
};

/** The symbols, as a table or as cards. */
export function Symbols({ cards, view, favourites, toggle, ...ordering }: Props) {
  const drawn = cards.map((card) => ({ card, isFavourite: favourites.has(card.symbol), toggle }));
  if (view === "cards") {
    return (
      <div className={classes.cards}>
        {drawn.map((one) => (
          <SymbolCard key={one.card.symbol} {...one} />
        ))}
      </div>
    );
  }
  return (
    <Panel title="Symbols" flush>
      <Table.ScrollContainer minWidth={0} type="native">
        <Table aria-label="Symbols" className={classes.table}>
          <Head {...ordering} />
          <Table.Tbody>
            {drawn.map((one) => (
              <SymbolRow key={one.card.symbol} {...one} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}

function Head({ order, down, sort }: Pick<Props, "order" | "down" | "sort">) {
  return (
    <Table.Thead>
      <Table.Tr>
        <Table.Th>
          <span className="ch-unseen">Favourite</span>
        </Table.Th>
        {COLUMNS.map((one) => (
          <Table.Th
            key={one.order}
            ta={one.align}
            visibleFrom={one.from}
            aria-sort={one.order !== order ? undefined : down ? "descending" : "ascending"}
          >
            <UnstyledButton className={classes.sort} onClick={() => sort(one.order)}>
              {one.title}
              {one.order === order && (down ? <IconArrowDown size={13} /> : <IconArrowUp size={13} />)}
            </UnstyledButton>
          </Table.Th>
        ))}
        <Table.Th visibleFrom="sm">Last day</Table.Th>
        <Table.Th>
          <UnstyledButton className={classes.sort} onClick={() => sort("freshness")}>
            Freshness
          </UnstyledButton>
        </Table.Th>
      </Table.Tr>
    </Table.Thead>
  );
}
