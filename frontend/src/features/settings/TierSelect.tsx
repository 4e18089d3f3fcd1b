import { Select } from "@mantine/core";
import type { Tier } from "@/api/types";
import type { SeriesConfig } from "./Symbols";
import { useChangeSeries } from "./symbolActions";

/** Fresh and stale after so many hours, by tier. */
const TIERS: readonly { value: Tier; label: string }[] = [
  { value: "TIER1", label: "1: stale after 3 h" },
  { value: "TIER2", label: "2: stale after 6 h" },
  { value: "TIER3", label: "3: stale after 12 h" },
  { value: "TIER4", label: "4: stale after 24 h" },
];

/** How much a series matters: how late its candles may be. */
export function TierSelect({ series }: { series: SeriesConfig }) {
  const change = useChangeSeries();
  return (
    <Select
      size="xs"
      w={150}
      aria-label={`Tier of ${series.symbol} ${series.interval}`}
      data={[...TIERS]}
      value={series.tier}
      disabled={change.isPending}
      onChange={(tier) => tier && tier !== series.tier && change.mutate({ ...nameOf(series), tier })}
    />
  );
}

function nameOf({ symbol, interval }: SeriesConfig) {
  return { symbol, interval };
}
