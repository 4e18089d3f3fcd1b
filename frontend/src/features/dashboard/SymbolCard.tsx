import { Group, Paper, Text } from "@mantine/core";
import { memo } from "react";
import type { Card } from "@/api/types";
import { Change } from "@/components/Amounts";
import { compact } from "@/lib/format";
import classes from "./Dashboard.module.css";
import { CardState, DayRange, DaySpark, LivePrice, Star, SymbolLink } from "./parts";

type Props = { card: Card; isFavourite: boolean; toggle: (symbol: string) => void };

/** A symbol as a card. It renders again only when its own card has changed. */
export const SymbolCard = memo(function SymbolCard({ card, isFavourite, toggle }: Props) {
  const { day } = card;
  return (
    <Paper component="article" className={classes.card} aria-label={card.symbol}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <SymbolLink symbol={card.symbol} />
        <Group gap={4} wrap="nowrap">
          <CardState
            status={card.status}
            freshness={card.freshness}
            lastMs={card.last_open_ms}
            interval={card.interval}
          />
          <Star symbol={card.symbol} isOn={isFavourite} toggle={toggle} />
        </Group>
      </Group>
      <Group justify="space-between" align="center" wrap="nowrap" my={4}>
        <div>
          <div className={classes.big}>
            <LivePrice amount={day.price} />
          </div>
          <Change value={day.change_percent} />
        </div>
        <DaySpark symbol={card.symbol} closes={card.closes} width={110} />
      </Group>
      <DayRange low={day.low} high={day.high} price={day.price} />
      <Text size="xs" c="dimmed" mt={6}>
        Volume <span className="ch-num">{compact(day.quote_volume)}</span>,{" "}
        <span className="ch-num">{compact(day.trade_count)}</span> trades
        {day.complete ? "" : ", some candles missing"}
      </Text>
    </Paper>
  );
});
