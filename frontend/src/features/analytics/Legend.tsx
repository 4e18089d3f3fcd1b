import { Text } from "@mantine/core";
import type { Hole, Interval } from "@/api/types";
import { Pill } from "@/components/Pill";
import { compact, count, percent } from "@/lib/format";
import { roughMs } from "@/lib/interval";
import { useZone } from "@/lib/preferences";
import { timeText, type Zone, zoneName } from "@/lib/time";
import classes from "./Analytics.module.css";
import { lineToken } from "./chart/colours";
import type { Values } from "./chart/lines";
import { type Indicator, nameOf, titleOf } from "./indicatorNames";
import type { Span } from "./pages";
import { type Drawn, holeAt, placeOf, type Slot } from "./slots";
import { type Store, useStore } from "./store";
import { MOST_PROFILED, type VolumeProfile } from "./useVolumeProfile";

type Props = {
  hover: Store<number | null>;
  seen: Store<Span | null>;
  drawn: Drawn;
  interval: Interval;
  digits: number;
  indicators: readonly Indicator[];
  values: Values;
  compare: { symbol: string; closes: readonly (number | null)[] } | null;
  profile: VolumeProfile | null;
};

/** What stands at the crosshair, or last where there is none. */
export function Legend({
  hover,
  seen,
  drawn,
  interval,
  digits,
  indicators,
  values,
  compare,
  profile,
}: Props) {
  const hovered = useStore(hover);
  const [zone] = useZone();
  const { slots, holes } = drawn;
  const place = hovered ?? slots.findLastIndex((slot) => slot.candle);
  // Where the crosshair is nowhere, the newest values: the bar that is forming has none yet.
  const valueAt = (list: readonly (number | null)[] | undefined) =>
    hovered === null ? list?.findLast((value) => value !== null) : list?.[place];
  const slot = slots[place];
  if (!slot) return null;
  return (
    <div className={classes.legend}>
      <div className={classes.legendRow}>
        <span className={classes.legendTime}>{slotTime(slot, interval, zone)}</span>
        {slot.candle ? (
          <Amounts slot={slot} digits={digits} />
        ) : (
          <Missing hole={holeAt(holes, interval, slot.ms)} />
        )}
        {slot.candle && <Marks slot={slot} hole={holeAt(holes, interval, slot.ms)} />}
      </div>
      {indicators.map((indicator, at) => (
        <IndicatorLine
          key={nameOf(indicator)}
          indicator={indicator}
          colour={at}
          valueFor={(name) => valueAt(values.get(name))}
        />
      ))}
      {profile && <ProfileLine profile={profile} digits={digits} />}
      {compare && <Compared {...{ seen, slots }} {...compare} close={valueAt(compare.closes)} />}
    </div>
  );
}

export function slotTime(slot: Slot, interval: Interval, zone: Zone): string {
  // A candle of a day or longer is named after its UTC day.
  if (roughMs(interval) >= 86_400_000) return timeText(slot.ms, "utc", "day");
  return `${timeText(slot.ms, zone)} ${zoneName(zone, slot.ms)}`;
}

function Amounts({ slot, digits }: { slot: Slot; digits: number }) {
  if (!slot.candle) return null;
  const { open, high, low, close, volume, trade_count } = slot.candle;
  const change = ((Number(close) - Number(open)) / Number(open)) * 100;
  const tone = change > 0 ? "var(--ch-up)" : change < 0 ? "var(--ch-down)" : undefined;
  const parts: [string, string][] = [
    ["O", fixed(Number(open), digits)],
    ["H", fixed(Number(high), digits)],
    ["L", fixed(Number(low), digits)],
    ["C", fixed(Number(close), digits)],
  ];
  return (
    <>
      {parts.map(([name, value]) => (
        <span key={name} className="ch-num">
          <span className={classes.letter}>{name}</span>
          <span style={{ color: tone }}>{value}</span>
        </span>
      ))}
      <span className="ch-num" style={{ color: tone }}>
        {percent(change)}
      </span>
      <span className="ch-num">
        <span className={classes.letter}>Vol</span>
        {compact(volume)}
      </span>
      <span className="ch-num">
        <span className={classes.letter}>Trades</span>
        {count(trade_count)}
      </span>
    </>
  );
}

function Missing({ hole }: { hole: Hole | null }) {
  return <Pill tone="warn">{hole ? `no candle: ${hole.why}` : "no candle"}</Pill>;
}

function Marks({ slot, hole }: { slot: Slot; hole: Hole | null }) {
  return (
    <>
      {slot.isForming && <Pill tone="busy">still forming</Pill>}
      {slot.isRestated && <Pill tone="quiet">amended by the exchange</Pill>}
      {slot.candle && !slot.candle.complete && !slot.isForming && (
        <Pill tone="warn">{hole ? `not whole: ${hole.why}` : "not whole"}</Pill>
      )}
    </>
  );
}

function ProfileLine({ profile, digits }: { profile: VolumeProfile; digits: number }) {
  const [low, most, high] = [profile.value_area_low, profile.point_of_control, profile.value_area_high].map(
    (value) => fixed(value, digits),
  );
  return (
    <Text component="div" className={classes.legendLine}>
      <span className={classes.swatch} style={{ background: "var(--ch-muted)" }} />
      Volume profile <span className="ch-num">most at {most},</span>{" "}
      <span className="ch-num">70 % from {low}</span> <span className="ch-num">to {high}</span>
      {profile.candles >= MOST_PROFILED && `, of the newest ${count(MOST_PROFILED)} in view`}
    </Text>
  );
}

type LineProps = {
  indicator: Indicator;
  colour: number;
  valueFor: (name: string) => number | null | undefined;
};

function IndicatorLine({ indicator, colour, valueFor }: LineProps) {
  const name = nameOf(indicator);
  const told = ["", ".upper", ".lower", ".signal", ".histogram"]
    .map((part) => valueFor(name + part))
    .filter((value) => value !== undefined);
  return (
    <Text component="div" className={classes.legendLine}>
      <span className={classes.swatch} style={{ background: lineToken(colour) }} />
      {titleOf(indicator)}{" "}
      <span className="ch-num">{told.map((value) => fixed(value, null)).join("  ")}</span>
    </Text>
  );
}

type ComparedProps = {
  seen: Store<Span | null>;
  slots: readonly Slot[];
  symbol: string;
  closes: readonly (number | null)[];
  close: number | null | undefined;
};

/** The other symbol, as its axis has it: in percent of the first close that is in view. */
function Compared({ seen, slots, symbol, closes, close }: ComparedProps) {
  const shown = useStore(seen);
  const first = shown ? Math.max(0, placeOf(slots, shown.fromMs)) : 0;
  return (
    <Text component="div" className={classes.legendLine}>
      <span className={classes.swatch} style={{ background: "var(--ch-accent)" }} />
      {symbol} <span className="ch-num">{percent(changeSince(closes, first, close))}</span>
    </Text>
  );
}

/** How far *close* is off the first close at or after a place, in percent; null where one of the two is not known. */
export function changeSince(
  closes: readonly (number | null)[],
  first: number,
  close: number | null | undefined,
): number | null {
  const base = closes.slice(first).find((one) => one !== null);
  return base && close != null ? (close / base - 1) * 100 : null;
}

/** With so many digits after the point; null: as many as its size deserves. */
function fixed(value: number | null | undefined, digits: number | null): string {
  if (value == null) return "–";
  if (Math.abs(value) >= 100_000 && digits === null) return compact(value);
  const most = digits ?? (Math.abs(value) >= 1 ? 2 : 6);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits ?? 0, maximumFractionDigits: most });
}
