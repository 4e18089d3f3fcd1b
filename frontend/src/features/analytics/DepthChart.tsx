import { Area, AreaChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import type { OrderBook } from "@/api/types";
import { compact, price } from "@/lib/format";
import { depthPoints } from "./depth";
import classes from "./OrderBook.module.css";

const AXIS = { fontSize: 11, fill: "var(--ch-muted)" };

/** All that is bid and asked up to each price. */
export default function DepthChart({ book }: { book: OrderBook }) {
  const points = depthPoints(book);
  const [bid, ask] = [book.bids.at(-1)?.cumulative, book.asks.at(-1)?.cumulative];
  const side = { type: "stepAfter", isAnimationActive: false, strokeWidth: 1.5, fillOpacity: 0.18 } as const;
  return (
    <figure className={classes.depth}>
      <figcaption>
        Depth: {compact(bid)} bid, {compact(ask)} asked on {book.bids.length + book.asks.length} levels
      </figcaption>
      <div aria-hidden>
        <ResponsiveContainer width="100%" height={170}>
          <AreaChart
            data={points}
            margin={{ top: 8, right: 4, bottom: 0, left: 0 }}
            accessibilityLayer={false}
          >
            <XAxis
              dataKey="price"
              type="number"
              domain={["dataMin", "dataMax"]}
              tick={AXIS}
              tickFormatter={(value: number) => price(value)}
              tickCount={3}
              stroke="var(--ch-line)"
            />
            <YAxis
              width={38}
              orientation="right"
              tick={AXIS}
              tickFormatter={(value: number) => compact(value)}
              stroke="var(--ch-line)"
            />
            <Tooltip
              isAnimationActive={false}
              labelFormatter={(value) => price(Number(value))}
              formatter={(value, name) => [compact(Number(value)), name]}
              contentStyle={{
                background: "var(--ch-panel)",
                border: "1px solid var(--ch-line)",
                fontSize: 12,
              }}
            />
            <Area {...side} dataKey="bid" name="bid" stroke="var(--ch-up)" fill="var(--ch-up-fill)" />
            <Area
              {...side}
              type="stepBefore"
              dataKey="ask"
              name="asked"
              stroke="var(--ch-down)"
              fill="var(--ch-down-fill)"
            />
          </AreaChart>
        </ResponsiveContainer>
      </div>
    </figure>
  );
}
