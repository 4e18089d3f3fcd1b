/** What a symbol's row and its card have in common. */
import { ActionIcon } from "@mantine/core";
import { IconStar, IconStarFilled } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import type { Card } from "@/api/types";
import { Price } from "@/components/Amounts";
import { FreshnessPill, Pill } from "@/components/Pill";
import { Spark } from "@/components/Spark";
import { exact, price } from "@/lib/format";
import { timeText } from "@/lib/time";
import { placeInRange } from "./arrange";
import classes from "./Dashboard.module.css";

export function Star({
  symbol,
  isOn,
  toggle,
}: {
  symbol: string;
  isOn: boolean;
  toggle: (symbol: string) => void;
}) {
  const label = isOn ? `Take ${symbol} from the favourites` : `Make ${symbol} a favourite`;
  return (
    <ActionIcon
      variant="subtle"
      color={isOn ? "ember" : "gray"}
      size="sm"
      aria-label={label}
      aria-pressed={isOn}
      onClick={() => toggle(symbol)}
    >
      {isOn ? <IconStarFilled size={15} /> : <IconStar size={15} />}
    </ActionIcon>
  );
}

export function SymbolLink({ symbol }: { symbol: string }) {
  return (
    <Link to={`/analytics?symbol=${symbol}`} className={classes.symbol}>
      {symbol}
    </Link>
  );
}

/** The last price; it lights up for a moment when it moves. */
export function LivePrice({ amount }: { amount: string | null }) {
  const before = useRef(amount);
  const [move, setMove] = useState<"up" | "down" | null>(null);
  useEffect(() => {
    if (before.current !== null && amount !== null && before.current !== amount) {
      setMove(Number(amount) > Number(before.current) ? "up" : "down");
    }
    before.current = amount;
  }, [amount]);
  return (
    <span key={amount} className={classes.price} data-move={move}>
      <Price amount={amount} />
    </span>
  );
}

/** Low and high of the day, and where the price lies between them. */
export function DayRange({ day }: { day: Card["day"] }) {
  const place = placeInRange(day);
  return (
    <div className={classes.range} title={`Low ${exact(day.low)}, high ${exact(day.high)}`}>
      <span className="ch-num">{price(day.low)}</span>
      <span className={classes.track} aria-hidden>
        {place !== null && <span className={classes.dot} style={{ left: `${place * 100}%` }} />}
      </span>
      <span className="ch-num">{price(day.high)}</span>
    </div>
  );
}

export function DaySpark({ card, width }: { card: Card; width?: number }) {
  return (
    <Spark
      values={card.closes.map(Number)}
      width={width}
      label={`${card.symbol}, the last ${card.closes.length} hours`}
    />
  );
}

export function CardState({ card }: { card: Card }) {
  if (card.status && card.status !== "TRADING") {
    return (
      <Pill tone="quiet" title="The exchange does not trade it at the moment">
        {card.status.toLowerCase()}
      </Pill>
    );
  }
  const newest =
    card.last_open_ms === null
      ? "Nothing is held yet"
      : `Newest candle ${timeText(card.last_open_ms, "utc")} UTC, ${card.interval}`;
  return <FreshnessPill freshness={card.freshness} title={newest} />;
}
