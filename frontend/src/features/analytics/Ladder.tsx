import type { OrderBook } from "@/api/types";
import { exact } from "@/lib/format";
import classes from "./OrderBook.module.css";

const SHOWN = 10;

const fixed = (amount: string, digits: number) =>
  Number(amount).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** As many digits as leave columns in line and show the smallest step. */
const quantity = (amount: string) => fixed(amount, Number(amount) >= 1_000 ? 0 : 5);

/** The best prices of both sides; the bar behind a level is all from the best price to it. */
export function Ladder({ book, digits }: { book: OrderBook; digits: number }) {
  const [asks, bids] = [book.asks.slice(0, SHOWN), book.bids.slice(0, SHOWN)];
  const most = Math.max(...[asks, bids].map((side) => Number(side.at(-1)?.cumulative ?? 0)));
  return (
    <table className={classes.ladder} aria-label={`Best ${SHOWN} levels of each side`}>
      <thead>
        <tr>
          <th scope="col">Price</th>
          <th scope="col">Quantity</th>
          <th scope="col">Sum</th>
        </tr>
      </thead>
      <tbody>
        {asks.toReversed().map((level) => (
          <Level key={level.price} level={level} side="ask" {...{ most, digits }} />
        ))}
      </tbody>
      <tbody>
        <tr className={classes.middle}>
          <td colSpan={3}>{book.middle === null ? "a side is empty" : `${exact(book.middle)} middle`}</td>
        </tr>
      </tbody>
      <tbody>
        {bids.map((level) => (
          <Level key={level.price} level={level} side="bid" {...{ most, digits }} />
        ))}
      </tbody>
    </table>
  );
}

type LevelProps = { level: OrderBook["bids"][number]; side: "bid" | "ask"; most: number; digits: number };

function Level({ level, side, most, digits }: LevelProps) {
  const width = most > 0 ? (Number(level.cumulative) / most) * 100 : 0;
  return (
    <tr data-side={side}>
      <td>
        <span className={classes.bar} style={{ width: `${width}%` }} aria-hidden />
        <span className={classes.price}>{fixed(level.price, digits)}</span>
      </td>
      <td>{quantity(level.quantity)}</td>
      <td>{quantity(level.cumulative)}</td>
    </tr>
  );
}
