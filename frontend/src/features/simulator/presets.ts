/** Faults and changes of the market that show something, as the simulator's grammar writes them. */
export type Preset = { title: string; about: string; spec: (symbol: string) => string };

export const FAULTS: readonly Preset[] = [
  {
    title: "Too many requests",
    about: "The next three calls get a 429 and 15 seconds to wait. Nobody calls before they are over.",
    spec: () => "429:retry_after=15,count=3",
  },
  {
    title: "Ban",
    about: "A 418 for 30 seconds, as after ignoring a 429. All work waits; nothing is lost.",
    spec: () => "418:retry_after=30,count=1",
  },
  {
    title: "Outage",
    about: "Every call fails with a 503 for 45 seconds. The breaker opens, then closes by itself.",
    spec: () => "5xx:status=503,seconds=45",
  },
  {
    title: "A firewall's page",
    about: "Three answers about candles are HTML where JSON was promised.",
    spec: () => "html:path=klines,count=3",
  },
  {
    title: "Half answers",
    about: "The connection breaks in the middle of three answers.",
    spec: () => "drop:share=0.5,path=klines,count=3",
  },
  {
    title: "Slow for one symbol",
    about: "Its answers take eight seconds for two minutes; the other symbols do not wait.",
    spec: (symbol) => `slow:delay=8,symbol=${symbol},seconds=120`,
  },
];

export const CHANGES: readonly Preset[] = [
  {
    title: "A hole that heals",
    about: "No candles for five minutes that begin now; ten minutes later the exchange restores them.",
    spec: (symbol) => `hole:symbol=${symbol},minutes=5,restored=+10m`,
  },
  {
    title: "A hole for good",
    about: "No candles for five minutes that begin now. Two answers, an hour apart, will prove it.",
    spec: (symbol) => `hole:symbol=${symbol},minutes=5`,
  },
  {
    title: "Restated candles",
    about: "Three closed candles of ten minutes ago change. The next look at recent candles finds them.",
    spec: (symbol) => `amended:symbol=${symbol},from=-10m,minutes=3`,
  },
  {
    title: "Nobody trades",
    about: "Ten minutes of candles without a trade: data, not a gap.",
    spec: (symbol) => `zero_trades:symbol=${symbol},minutes=10`,
  },
];
