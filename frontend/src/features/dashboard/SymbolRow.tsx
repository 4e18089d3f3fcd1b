import { Table } from "@mantine/core";
import { memo } from "react";
import type { Card } from "@/api/types";
import { Change } from "@/components/Amounts";
import { compact } from "@/lib/format";
import { CardState, DayRange, DaySpark, LivePrice, Star, SymbolLink } from "./parts";

type Props = { card: Card; isFavourite: boolean; toggle: (symbol: string) => void };

/** A symbol in the table. It renders again only when its own card has changed. */
export const SymbolRow = memo(function SymbolRow({ card, isFavourite, toggle }: Props) {
  const { day } = card;
  return (
    <Table.Tr>
      <Table.Td w={36}>
        <Star symbol={card.symbol} isOn={isFavourite} toggle={toggle} />
      </Table.Td>
      <Table.Td>
        <SymbolLink symbol={card.symbol} />
      </Table.Td>
      <Table.Td ta="right">
        <LivePrice amount={day.price} />
      </Table.Td>
      <Table.Td ta="right">
        <Change value={day.change_percent} />
      </Table.Td>
      <Table.Td visibleFrom="md">
        <DayRange day={day} />
      </Table.Td>
      <Table.Td ta="right" visibleFrom="sm">
        <span
          className="ch-num"
          title={`${compact(day.volume)} traded in ${day.trade_count.toLocaleString("en-US")} trades`}
        >
          {compact(day.quote_volume)}
        </span>
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <DaySpark card={card} />
      </Table.Td>
      <Table.Td>
        <CardState card={card} />
      </Table.Td>
    </Table.Tr>
  );
});
