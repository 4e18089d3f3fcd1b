import { Button, Group, Loader } from "@mantine/core";
import { type CSSProperties, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import type { Interval, SymbolRow } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { Failed } from "@/components/Loaded";
import { useNow } from "@/lib/now";
import { useUrlState } from "@/lib/urlState";
import classes from "./Analytics.module.css";
import { ChartView } from "./ChartView";
import type { CandleChart, ChartEvents } from "./chart/core";
import { chartKeys } from "./chartKeys";
import { type Indicator, isOfCandles, KINDS, nameOf } from "./indicatorNames";
import { alignCloses, alignValues } from "./indicatorValues";
import { Legend } from "./Legend";
import type { Span } from "./pages";
import { RangeBar } from "./RangeBar";
import { SeenTable } from "./SeenTable";
import { digitsOf, firstMsOf, makeableOf } from "./series";
import { draw } from "./slots";
import { Store } from "./store";
import { Toolbar } from "./Toolbar";
import { useFullScreen } from "./useFullScreen";
import { useCandlePages, useHeldPages, useIndicatorPages, useLivePages } from "./useHistory";
import { useShownSpan } from "./useShownSpan";
import { useVolumeProfile } from "./useVolumeProfile";
import type { View } from "./view";

type Props = {
  symbols: readonly SymbolRow[];
  symbol: SymbolRow;
  view: View;
  /** A slot was chosen: what is known of it is wanted. */
  onPick: (ms: number) => void;
};

/** The chart with all that steers it: history comes as it is looked at, and stays true while candles are loaded. */
export function ChartPanel({ symbols, symbol, view, onPick }: Props) {
  const { interval } = view;
  const name = symbol.symbol;
  const makeable = makeableOf(symbol);
  const canMake = makeable.includes(interval);
  const chart = useRef<CandleChart>(null);
  const [hover] = useState(() => new Store<number | null>(null));
  const [seen] = useState(() => new Store<Span | null>(null));
  const [fullScreen, toggleFullScreen] = useFullScreen();

  const nowMs = useNow(60_000);
  const firstMs = firstMsOf(symbol, interval) ?? nowMs;
  const bounds = useMemo(() => ({ fromMs: firstMs, toMs: nowMs }), [firstMs, nowMs]);
  const [span, noteHand] = useShownSpan(view, name, firstMs);
  const [pages, see] = useHeldPages(name, interval, span, bounds);
  const history = useCandlePages(canMake ? name : null, interval, pages);
  const lines = useMemo(() => view.indicators.filter(isOfCandles), [view.indicators]);
  const names = useMemo(() => lines.map(nameOf), [lines]);
  const computed = useIndicatorPages(name, interval, pages, canMake ? names : []);
  const others = useCandlePages(canMake ? view.compare : null, interval, pages);
  useLivePages([name, view.compare]);
  const profiled = canMake ? view.indicators.find((one) => !isOfCandles(one)) : undefined;
  const profile = useVolumeProfile(name, interval, seen, profiled);

  const drawn = useMemo(
    () => draw(interval, pages.first, history.pages),
    [interval, pages.first, history.pages],
  );
  const values = useMemo(() => alignValues(drawn.slots, computed.pages), [drawn, computed.pages]);
  const compared = useMemo(() => {
    return view.compare ? alignCloses(drawn.slots, others.pages) : null;
  }, [view.compare, drawn, others.pages]);

  const events: ChartEvents = {
    onSeen: (shown, isByHand) => {
      seen.set(shown);
      see(shown);
      if (isByHand) noteHand(shown);
    },
    onHover: (place) => hover.set(place),
    onPick: (place) => {
      const slot = drawn.slots[place];
      if (slot) onPick(slot.ms);
    },
  };
  const onKey = chartKeys(chart, drawn.slots.length, events.onPick);
  const digits = digitsOf(symbol);
  const hasCandles = drawn.slots.some((slot) => slot.candle);

  return (
    <section
      className={classes.panel}
      data-full={fullScreen || undefined}
      aria-label={`Chart of ${name}, ${interval}`}
    >
      <Toolbar
        {...{ symbols, symbol, view, makeable, fullScreen, toggleFullScreen }}
        firstMs={firstMs}
        onSave={() => chart.current?.screenshot()}
      />
      <div className={classes.stage} style={paneRoom(view.indicators)}>
        <ChartView
          {...{ chart, events, drawn, interval, span, digits, values, compared, profile, onKey }}
          scale={view.scale}
          indicators={lines}
          label={`Candles of ${name}, ${interval}. Left and right arrows move the crosshair, plus and minus zoom, Enter tells where a candle came from.`}
        />
        <Legend
          {...{ hover, seen, drawn, interval, digits, values, profile }}
          indicators={lines}
          compare={view.compare && compared ? { symbol: view.compare, closes: compared } : null}
        />
        <div className={classes.over}>
          {!canMake && <CannotMake symbol={name} interval={interval} makeable={makeable} />}
          {canMake && history.error && <Failed error={history.error} onRetry={history.retry} />}
          {canMake && !history.error && !hasCandles && !history.isWaiting && (
            <NoCandles why={drawn.holes[0]?.why} />
          )}
          {canMake && !hasCandles && history.isWaiting && (
            <Loader role="status" aria-label="Loading candles" />
          )}
        </div>
        {hasCandles && history.isWaiting && (
          <span className={classes.busy} role="status">
            Loading history…
          </span>
        )}
      </div>
      <RangeBar view={view} symbol={symbol} firstMs={firstMs} />
      <SeenTable {...{ seen, drawn, interval, symbol: name }} />
    </section>
  );
}

/** Each pane below the candles makes the stage taller. */
function paneRoom(indicators: readonly Indicator[]): CSSProperties {
  const panes = indicators.filter(({ kind }) => KINDS[kind].where === "pane").length;
  return { "--panes": panes } as CSSProperties; // React's types know no properties of one's own
}

type CannotMakeProps = { symbol: string; interval: Interval; makeable: readonly Interval[] };

function CannotMake({ symbol, interval, makeable }: CannotMakeProps) {
  const [, write] = useUrlState();
  if (makeable.length === 0) {
    return (
      <EmptyState title={`No candles of ${symbol} are kept`}>
        It is known, and nothing of it is fetched. <Link to="/start">Choose history to fetch</Link>.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title={`Nothing that is kept of ${symbol} makes candles of ${interval}`}
      action={
        <Group gap={4} mt="xs" justify="center">
          {makeable.map((one) => (
            <Button key={one} size="compact-sm" variant="default" onClick={() => write({ interval: one })}>
              {one}
            </Button>
          ))}
        </Group>
      }
    >
      These can be made of what is kept:
    </EmptyState>
  );
}

function NoCandles({ why }: { why: string | undefined }) {
  return (
    <EmptyState title="No candles in this span">
      {why ? `Why: ${why}.` : "Nothing is wanted here."}
    </EmptyState>
  );
}
