import { type KeyboardEvent, type RefObject, useEffect, useRef } from "react";
import type { Interval } from "@/api/types";
import { useZone } from "@/lib/preferences";
import classes from "./Analytics.module.css";
import { CandleChart, type ChartEvents } from "./chart/core";
import type { Values } from "./chart/lines";
import { formatIndicators, type Indicator } from "./indicatorNames";
import type { Span } from "./pages";
import type { Drawn } from "./slots";
import type { VolumeProfile } from "./useVolumeProfile";
import type { Scale } from "./view";

type Props = {
  chart: RefObject<CandleChart | null>;
  events: ChartEvents;
  label: string;
  drawn: Drawn;
  interval: Interval;
  /** What to show; another object moves the chart, the same one leaves it where the person put it. */
  span: Span;
  digits: number;
  scale: Scale;
  indicators: readonly Indicator[];
  values: Values;
  compared: readonly (number | null)[] | null;
  profile: VolumeProfile | null;
  onKey: (event: KeyboardEvent) => void;
};

/** The chart of Lightweight Charts: made once, then fed with what has changed, each in an effect of its own. */
export function ChartView({ chart, events, drawn, interval, span, digits, indicators, ...props }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const told = useRef(events);
  const [zone] = useZone();
  const names = formatIndicators(indicators);

  useEffect(() => {
    told.current = events;
  }, [events]);
  useEffect(() => {
    if (!host.current) return;
    const made = new CandleChart(host.current, {
      onSeen: (...seen) => told.current.onSeen(...seen),
      onHover: (place) => told.current.onHover(place),
      onPick: (place) => told.current.onPick(place),
    });
    chart.current = made;
    return () => {
      chart.current = null;
      made.remove();
    };
  }, [chart]);
  useEffect(() => chart.current?.setZone(zone, interval), [chart, zone, interval]);
  useEffect(() => chart.current?.setDigits(digits), [chart, digits]);
  useEffect(() => chart.current?.setScale(props.scale), [chart, props.scale]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: their names tell whether they are others
  useEffect(() => chart.current?.lines.setIndicators(indicators), [chart, names]);
  useEffect(() => chart.current?.show(span, interval), [chart, span, interval]);
  useEffect(() => chart.current?.setSlots(drawn, interval), [chart, drawn, interval]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines made anew are empty
  useEffect(
    () => chart.current?.lines.setValues(drawn.slots, props.values),
    [chart, drawn, props.values, names],
  );
  useEffect(
    () => chart.current?.lines.setCompared(drawn.slots, props.compared),
    [chart, drawn, props.compared],
  );
  useEffect(() => chart.current?.profile.show(props.profile), [chart, props.profile]);

  return (
    <div
      ref={host}
      className={classes.chart}
      role="application"
      aria-roledescription="chart"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move its crosshair
      tabIndex={0}
      onKeyDown={props.onKey}
    />
  );
}
