/** What a symbol's row and its card have in common; each part renders again only when what it shows has changed. */
import { ActionIcon } from "@mantine/core";
import { IconStar, IconStarFilled } from "@tabler/icons-react";
import { memo, useEffect, useRef } from "react";
import { Link } from "react-router";
import type { Card } from "@/api/types";
import { Price } from "@/components/Amounts";
import { FreshnessPill, Pill } from "@/components/Pill";
import { Spark } from "@/components/Spark";
import { exact, price } from "@/lib/format";
import { timeText } from "@/lib/time";
import { placeInRange } from "./arrange";
import classes from "./Dashboard.module.css";

type StarProps = { symbol: string; isOn: boolean; toggle: (symbol: string) => void };

export const Star = memo(function Star({ symbol, isOn, toggle }: StarProps) {
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
});

export const SymbolLink = memo(function SymbolLink({ symbol }: { symbol: string }) {
  return (
    <Link to={`/analytics?symbol=${symbol}`} className={classes.symbol}>
      {symbol}
    </Link>
  );
});

const GLOW_MS = 1_200;

/** The last price; it lights up for a moment when it moves. */
export const LivePrice = memo(function LivePrice({ amount }: { amount: string | null }) {
  const place = useRef<HTMLSpanElement>(null);
  const before = useRef(amount);
  useEffect(() => {
    const [was, is] = [before.current, amount];
    before.current = amount;
    if (was !== null && is !== null && was !== is)
      glow(place.current, Number(is) > Number(was) ? "up" : "down");
  }, [amount]);
  return (
    <span ref={place} className={classes.price}>
      <Price amount={amount} />
    </span>
  );
});

/** By the browser's own animation: no other class, no other render. */
function glow(place: HTMLElement | null, move: "up" | "down") {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const from = `color-mix(in srgb, var(--ch-${move}-fill) 30%, transparent)`;
  place?.animate?.({ backgroundColor: [from, "transparent"] }, { duration: GLOW_MS, easing: "ease-out" });
}

type RangeProps = Pick<Card["day"], "low" | "high" | "price">;

/** Low and high of the day, and where the price lies between them. */
export const DayRange = memo(function DayRange(day: RangeProps) {
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
});

type SparkProps = Pick<Card, "symbol" | "closes"> & { width?: number };

export const DaySpark = memo(function DaySpark({ symbol, closes, width }: SparkProps) {
  return (
    <Spark values={closes.map(Number)} width={width} label={`${symbol}, the last ${closes.length} hours`} />
  );
});

type StateProps = Pick<Card, "status" | "freshness" | "interval"> & { lastMs: number | null };

export const CardState = memo(function CardState({ status, freshness, lastMs, interval }: StateProps) {
  if (status && status !== "TRADING") {
    return (
      <Pill tone="quiet" title="The exchange does not trade it at the moment">
        {status.toLowerCase()}
      </Pill>
    );
  }
  const newest =
    lastMs === null ? "Nothing is held yet" : `Newest candle ${timeText(lastMs, "utc")} UTC, ${interval}`;
  return <FreshnessPill freshness={freshness} title={newest} />;
});
