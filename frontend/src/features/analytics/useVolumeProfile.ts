import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { queries } from "@/api/queries";
import type { Interval } from "@/api/types";
import { roughMs } from "@/lib/interval";
import { type Indicator, nameOf } from "./indicatorNames";
import type { Span } from "./pages";
import type { Store } from "./store";

const SETTLE_MS = 400;
/** The API answers no more at once; of a longer view it takes the newest. */
export const MOST_PROFILED = 5_000;

type Bin = { low: number; high: number; volume: number };

/** What was traded at which price. Between the ends of the value area lie 70 % of the volume. */
export type VolumeProfile = {
  bins: readonly Bin[];
  point_of_control: number;
  value_area_low: number;
  value_area_high: number;
  /** Of how many candles it is. */
  candles: number;
};

/** Return the volume profile of what is in view once that stands still; null where none is asked for. */
export function useVolumeProfile(
  symbol: string,
  interval: Interval,
  seen: Store<Span | null>,
  asked: Indicator | undefined,
): VolumeProfile | null {
  const span = useSettled(seen, asked !== undefined);
  const query = useQuery({
    ...queries.indicators(symbol, {
      ...slotsOf(span, interval),
      interval,
      limit: MOST_PROFILED,
      names: [asked ? nameOf(asked) : ""],
    }),
    enabled: asked !== undefined && span !== null,
    // Until the next one is there, but not that of another symbol, whose prices are others.
    placeholderData: (last, from) => (from?.queryKey[1] === symbol ? last : undefined),
  });
  const { volume_profile: profile, open_time_ms } = query.data ?? {};
  return asked && profile ? { ...profile, candles: open_time_ms?.length ?? 0 } : null;
}

/** The span that is in view, half a second after the chart was moved last. */
function useSettled(seen: Store<Span | null>, isWanted: boolean): Span | null {
  const [span, setSpan] = useState<Span | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    let settle: ReturnType<typeof setTimeout> | undefined;
    const later = () => {
      clearTimeout(settle);
      settle = setTimeout(() => setSpan(seen.get()), SETTLE_MS);
    };
    later();
    const end = seen.subscribe(later);
    return () => {
      clearTimeout(settle);
      end();
    };
  }, [seen, isWanted]);
  return span;
}

/** The whole slots that a span touches, so that a pixel more asks nothing anew. */
function slotsOf(span: Span | null, interval: Interval): { start: number; end: number } {
  const ms = roughMs(interval);
  const { fromMs, toMs } = span ?? { fromMs: 0, toMs: 0 };
  return { start: Math.max(0, Math.floor(fromMs / ms) * ms), end: Math.ceil(toMs / ms) * ms };
}
