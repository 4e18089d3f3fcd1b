import { useQuery } from "@tanstack/react-query";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import { Change, Price } from "@/components/Amounts";
import { Figure } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Time } from "@/components/Time";
import { compact, count, signedPrice } from "@/lib/format";
import classes from "./Analytics.module.css";

/** The last 24 hours of a symbol in a line. */
export function StatsStrip({ symbol }: { symbol: string }) {
  const refetchInterval = useRefresh();
  const query = useQuery({ ...queries.statistics(symbol), refetchInterval });
  return (
    <section className={classes.strip} aria-label={`Last 24 hours of ${symbol}`}>
      <Loaded query={query} lines={1}>
        {({ day }) => (
          <div className={classes.figures}>
            <Figure
              label="Last price"
              value={<Price amount={day.price} />}
              about={day.price_at_ms && <Time ms={day.price_at_ms} relative />}
            />
            <Figure
              label="24 h change"
              value={<Change value={day.change_percent} />}
              about={<span className="ch-num">{signedPrice(day.change)}</span>}
            />
            <Figure label="24 h high" value={<Price amount={day.high} />} />
            <Figure label="24 h low" value={<Price amount={day.low} />} />
            <Figure
              label="24 h volume"
              value={<span className="ch-num">{compact(day.volume)}</span>}
              about={`${compact(day.quote_volume)} quoted`}
            />
            <Figure
              label="24 h trades"
              value={<span className="ch-num">{count(day.trade_count)}</span>}
              about={day.complete ? "of all minutes" : "some candles are missing"}
            />
          </div>
        )}
      </Loaded>
    </section>
  );
}
