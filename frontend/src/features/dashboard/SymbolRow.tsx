import { memo } from "react";
import type { Card } from "@/api/types";
import { Change } from "@/components/Amounts";
import { compact } from "@/lib/format";
import classes from "./Dashboard.module.css";
import { CardState, DayRange, DaySpark, LivePrice, Star, SymbolLink } from "./parts";

type Props = { card: Card; isFavourite: boolean; toggle: (symbol: string) => void };

/**
 * A symbol in the table. It renders again only when its own card has changed; its cells are the browser's own,
 * since a hundred rows change with each cycle and the library's cells would be most of what that costs.
 */
export const SymbolRow = memo(function SymbolRow({ card, isFavourite, toggle }: Props) {
  const { day } = card;
  return (
    <tr className={classes.row}>
      <td className={classes.favourite}>
        <Star symbol={card.symbol} isOn={isFavourite} toggle={toggle} />
      </td>
      <td>
        <SymbolLink symbol={card.symbol} />
      </td>
      <td className={classes.amount}>
        <LivePrice amount={day.price} />
      </td>
      <td className={classes.amount}>
        <Change value={day.change_percent} />
      </td>
      <td className="mantine-visible-from-md">
        <DayRange low={day.low} high={day.high} price={day.price} />
      </td>
      <td className={`${classes.amount} mantine-visible-from-sm`}>
        <span
          className="ch-num"
          title={`${compact(day.volume)} traded in ${day.trade_count.toLocaleString("en-US")} trades`}
        >
          {compact(day.quote_volume)}
        </span>
      </td>
      <td className="mantine-visible-from-sm">
        <DaySpark symbol={card.symbol} closes={card.closes} />
      </td>
      <td>
        <CardState
          status={card.status}
          freshness={card.freshness}
          lastMs={card.last_open_ms}
          interval={card.interval}
        />
      </td>
    </tr>
  );
});
