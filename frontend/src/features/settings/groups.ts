/** The settings in groups, with what they mean for people; one that is not named here is shown under *Other*. */
export type Group = { title: string; names: Readonly<Record<string, string>> };

export const GROUPS: readonly Group[] = [
  {
    title: "How long it is kept",
    names: {
      keep_days:
        "Days that candles under an hour stay; 0 is for ever. Their hours and days stay in any case.",
      keep_depth_days: "Days that order-book depth stays; 0 is for ever.",
      archive_days: "Days after which raw answers move to the archive.",
      delete_days: "Days after which raw answers are deleted; 0 is never.",
      pack_objects:
        "A day of a series with more raw answers than this becomes one compressed object; 0 is never.",
      housekeeping_days: "Days that the history of runs, notifications and rows set aside stay.",
    },
  },
  {
    title: "How hard on the exchange",
    names: {
      budget_share: "The share of the exchange's request limit that is used.",
      cycle_seconds: "Seconds between two cycles.",
      depth_seconds: "Seconds between two snapshots of a symbol's order book.",
      depth_levels: "Levels of the order book in a snapshot.",
      breaker_failures: "After so many failed calls in a row the exchange is left alone …",
      breaker_seconds: "… for so many seconds.",
    },
  },
  {
    title: "Work and disk",
    names: {
      lookback_days: "Days that the first fetch of a new series reaches back.",
      run_slots: "How many runs that were asked for work side by side.",
      disk_reserve_gb: "Gigabytes left to live fetching: with less free, history and repairs wait.",
      disk_warn_days: "People are told when the disk will be full within so many days.",
    },
  },
];

/** Settings that have a place of their own on another tab. */
export const ELSEWHERE: readonly string[] = ["notify_urls"];

/** `keep_days` → `Keep days`, `disk_reserve_gb` → `Disk reserve (GB)`. */
export function titleOf(name: string): string {
  const words = name.replaceAll("_", " ").replace(/ gb$/, " (GB)");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
