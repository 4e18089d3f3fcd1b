/**
 * The chart itself, made once and then fed: candles, volume, what is missing. It knows nothing of React or of the
 * API's calls; what the person does with it is told through `ChartEvents`.
 */
import {
  type CandlestickData,
  CandlestickSeries,
  CrosshairMode,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  PriceScaleMode,
  type Time,
  type WhitespaceData,
} from "lightweight-charts";
import type { Interval } from "@/api/types";
import { roughMs } from "@/lib/interval";
import type { Zone } from "@/lib/time";
import type { Span } from "../pages";
import { changedFrom, type Drawn, placeOf, type Slot } from "../slots";
import type { Scale } from "../view";
import { type Colours, onScheme, readColours } from "./colours";
import { bandsOf, candleOf, restatedMarks, secondsOf, volumeOf } from "./data";
import { GapBands } from "./gapBands";
import { crosshairText, tickText } from "./labels";
import { Lines } from "./lines";
import { barsPerPixel, thinCandles, thinVolume } from "./thin";
import { ProfileBars } from "./volumeProfile";

export type ChartEvents = {
  /** The span of time that is in view has changed. */
  onSeen: (seen: Span, isByHand: boolean) => void;
  /** The crosshair stands at a slot, or nowhere. */
  onHover: (place: number | null) => void;
  onPick: (place: number) => void;
};

const MODES: Record<Scale, PriceScaleMode> = {
  linear: PriceScaleMode.Normal,
  log: PriceScaleMode.Logarithmic,
  percent: PriceScaleMode.Percentage,
};
const AIR_BARS = 4;
const SETTLE_MS = 120;

export class CandleChart {
  readonly lines: Lines;
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly marks: ISeriesMarkersPluginApi<Time>;
  readonly profile = new ProfileBars();
  private readonly bands = new GapBands();
  private readonly endings: (() => void)[] = [];
  private colours: Colours = readColours();
  private drawn: Drawn = { slots: [], holes: [] };
  private interval: Interval = "1m";
  /** What is drawn beside the slots, and how many bars share a pixel in that. */
  private bars: (CandlestickData | WhitespaceData)[] = [];
  private density = 1;
  /** What to show as soon as its candles are there, until a person moves the chart. */
  private wanted: Span | null = null;
  private isByHand = false;
  private crosshair: number | null = null;
  private settle: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: ChartEvents,
  ) {
    this.chart = createChart(host, {
      autoSize: true,
      layout: { fontFamily: "'Inter Variable', system-ui, sans-serif", fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: {
        rightOffset: AIR_BARS,
        // So 8,000 bars fit on a usual screen; `thin` keeps them smooth.
        minBarSpacing: 0.1,
        timeVisible: true,
        secondsVisible: false,
      },
      rightPriceScale: { borderVisible: false },
      leftPriceScale: { visible: false, borderVisible: false, mode: PriceScaleMode.Percentage },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { priceLineStyle: 2 });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.22 } });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.candles.attachPrimitive(this.bands);
    this.candles.attachPrimitive(this.profile);
    this.marks = createSeriesMarkers(this.candles, []);
    this.lines = new Lines(this.chart, this.colours);
    this.paint();
    this.listen();
  }

  /** Draw these slots. What is in view stays in view, whatever came or went beside it. */
  setSlots(drawn: Drawn, interval: Interval) {
    const before = this.drawn.slots;
    const from = interval === this.interval ? changedFrom(before, drawn.slots) : null;
    // Where bars are merged, only the last stands alone.
    const isSame = from !== null && before.length > 0 && (this.density === 1 || from >= before.length - 1);
    const seen = this.chart.timeScale().getVisibleLogicalRange();
    this.drawn = drawn;
    if (isSame) {
      for (const [offset, slot] of drawn.slots.slice(from).entries()) {
        const bar = candleOf(slot, this.colours);
        this.bars[from + offset] = bar;
        this.candles.update(bar);
        this.volume.update(volumeOf(slot, this.colours));
      }
    } else {
      this.feed(interval);
      const kept = interval === this.interval && before[0] && drawn.slots[0] ? before : null;
      if (this.wanted) this.showWanted();
      else if (kept && seen) this.keep(kept, seen);
    }
    this.interval = interval;
    this.paintPrice();
    this.bands.show(bandsOf(interval, drawn.slots, drawn.holes));
    this.marks.setMarkers(restatedMarks(drawn.slots, this.bars, this.colours));
  }

  /** Show a span; where its candles are not there yet, as soon as they are. */
  show(span: Span, interval: Interval) {
    this.wanted = span;
    this.isByHand = false;
    if (interval === this.interval) this.showWanted();
  }

  setScale(scale: Scale) {
    this.candles.priceScale().applyOptions({ mode: MODES[scale], autoScale: true });
    this.lines.keepLinear();
  }

  setDigits(digits: number) {
    const priceFormat = { type: "price", precision: digits, minMove: 10 ** -digits } as const;
    this.candles.applyOptions({ priceFormat });
    this.lines.setDigits(digits);
  }

  setZone(zone: Zone, interval: Interval) {
    const isIntraday = roughMs(interval) < 86_400_000;
    this.chart.applyOptions({
      localization: {
        locale: "en-GB",
        timeFormatter: (time: Time) => crosshairText(Number(time) * 1000, zone, isIntraday),
      },
      timeScale: {
        timeVisible: isIntraday,
        tickMarkFormatter: (time: Time, type: number) =>
          tickText(Number(time) * 1000, type, zone, isIntraday),
      },
    });
  }

  /** Put the crosshair on a slot and bring that into view; null takes it away. */
  moveCrosshair(place: number | null) {
    const slot = place === null ? undefined : this.drawn.slots[place];
    if (place === null || !slot) {
      this.chart.clearCrosshairPosition();
      this.noteCrosshair(null);
      return;
    }
    const scale = this.chart.timeScale();
    const seen = scale.getVisibleLogicalRange();
    if (seen && (place < seen.from || place > seen.to)) {
      const shift = place < seen.from ? place - seen.from - AIR_BARS : place - seen.to + AIR_BARS;
      this.isByHand = true;
      this.wanted = null;
      scale.setVisibleLogicalRange({ from: seen.from + shift, to: seen.to + shift });
    }
    const price = Number(slot.candle?.close ?? this.nearestClose(place));
    this.chart.setCrosshairPosition(price, secondsOf(slot.ms), this.candles);
    this.noteCrosshair(place);
  }

  get crosshairPlace(): number | null {
    return this.crosshair;
  }

  /** Zoom about the right edge: a factor under 1 shows less. */
  zoom(factor: number) {
    const scale = this.chart.timeScale();
    const seen = scale.getVisibleLogicalRange();
    if (!seen) return;
    this.isByHand = true;
    this.wanted = null;
    scale.setVisibleLogicalRange({ from: seen.to - (seen.to - seen.from) * factor, to: seen.to });
  }

  screenshot(): HTMLCanvasElement {
    return this.chart.takeScreenshot(true);
  }

  remove() {
    clearTimeout(this.settle);
    for (const end of this.endings) end();
    this.chart.remove();
  }

  private feed(interval: Interval) {
    const { slots } = this.drawn;
    const candles = slots.map((slot) => candleOf(slot, this.colours));
    const volume = slots.map((slot) => volumeOf(slot, this.colours));
    const groupS = (this.density * roughMs(interval)) / 1_000;
    this.bars = this.density === 1 ? candles : thinCandles(candles, groupS);
    this.candles.setData(this.bars);
    this.volume.setData(this.density === 1 ? volume : thinVolume(volume, groupS));
  }

  /** Draw anew what is drawn already; it stays in view. */
  private feedAgain() {
    if (this.drawn.slots.length === 0) return;
    const seen = this.chart.timeScale().getVisibleLogicalRange();
    this.feed(this.interval);
    if (seen) this.chart.timeScale().setVisibleLogicalRange(seen);
    this.marks.setMarkers(restatedMarks(this.drawn.slots, this.bars, this.colours));
  }

  /** Merge as many bars as share a pixel now. */
  private fit() {
    const scale = this.chart.timeScale();
    const seen = scale.getVisibleLogicalRange();
    const spacing = seen ? scale.width() / (seen.to - seen.from) : 1;
    const density = barsPerPixel(spacing, window.devicePixelRatio);
    if (density === this.density) return;
    this.density = density;
    this.feedAgain();
  }

  private nearestClose(place: number): string {
    const { slots } = this.drawn;
    return slots.slice(0, place).findLast((slot) => slot.candle)?.candle?.close ?? "0";
  }

  private showWanted() {
    const { slots } = this.drawn;
    const last = slots.at(-1);
    if (!this.wanted || !last) return;
    const { fromMs, toMs } = this.wanted;
    const from = Math.max(0, placeOf(slots, fromMs));
    const to = toMs >= last.ms ? slots.length - 1 + AIR_BARS : placeOf(slots, toMs);
    this.chart.timeScale().setVisibleLogicalRange({ from, to: Math.max(to, from + 1) });
  }

  /** After other slots came: the one that stood in the middle stands there still, or the newest at its edge. */
  private keep(before: readonly Slot[], seen: { from: number; to: number }) {
    const { slots } = this.drawn;
    const middle = Math.min(Math.max(Math.round((seen.from + seen.to) / 2), 0), before.length - 1);
    const shift = placeOf(slots, before[middle]?.ms ?? 0) - middle;
    this.chart.timeScale().setVisibleLogicalRange({ from: seen.from + shift, to: seen.to + shift });
  }

  private paint() {
    this.colours = readColours();
    const { panel, muted, line, up, down } = this.colours;
    this.chart.applyOptions({
      layout: {
        background: { color: panel },
        textColor: muted,
        panes: { separatorColor: line, separatorHoverColor: `${line}80` },
      },
      timeScale: { borderColor: line },
      grid: { vertLines: { color: `${line}80` }, horzLines: { color: `${line}80` } },
      crosshair: { vertLine: { color: muted }, horzLine: { color: muted } },
    });
    const sides = { upColor: up, downColor: down, borderUpColor: up, borderDownColor: down };
    this.candles.applyOptions({ ...sides, wickUpColor: up, wickDownColor: down });
    this.bands.paint(this.colours);
    this.profile.paint(this.colours);
    this.lines.paint(this.colours);
    this.paintPrice();
    this.feedAgain();
  }

  /** The label of the last price, whose bar may be hollow; none where what is held ends in the past. */
  private paintPrice() {
    const last = this.drawn.slots.findLast((slot) => slot.candle);
    const isUp = Number(last?.candle?.close) >= Number(last?.candle?.open);
    const isNow = last?.isForming ?? false;
    this.candles.applyOptions({
      priceLineColor: isUp ? this.colours.up : this.colours.down,
      priceLineVisible: isNow,
      lastValueVisible: isNow,
    });
  }

  private listen() {
    const byHand = () => {
      this.isByHand = true;
      this.wanted = null;
    };
    for (const kind of ["wheel", "pointerdown", "touchstart"] as const) {
      this.host.addEventListener(kind, byHand, { passive: true });
      this.endings.push(() => this.host.removeEventListener(kind, byHand));
    }
    this.endings.push(onScheme(() => this.paint()));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
      this.settle ??= setTimeout(() => {
        this.settle = undefined;
        this.fit();
        this.tellSeen();
      }, SETTLE_MS);
    });
    this.chart.subscribeCrosshairMove(({ point, logical }) => {
      // Set by keys it has no point; then the place is known already.
      if (point) this.noteCrosshair(logical === undefined ? null : this.clip(logical));
      else if (!this.host.contains(document.activeElement)) this.noteCrosshair(null);
    });
    this.chart.subscribeClick(({ logical }) => {
      const place = logical === undefined ? null : this.clip(logical);
      if (place !== null) this.events.onPick(place);
    });
  }

  private clip(logical: number): number | null {
    const place = Math.round(logical);
    return place >= 0 && place < this.drawn.slots.length ? place : null;
  }

  private noteCrosshair(place: number | null) {
    if (place === this.crosshair) return;
    this.crosshair = place;
    this.events.onHover(place);
  }

  private tellSeen() {
    const { slots } = this.drawn;
    const seen = this.chart.timeScale().getVisibleLogicalRange();
    if (!seen || slots.length === 0) return;
    this.events.onSeen({ fromMs: this.timeAt(seen.from), toMs: this.timeAt(seen.to) }, this.isByHand);
  }

  /** The time at a place, also before the first slot and after the last. */
  private timeAt(logical: number): number {
    const { slots } = this.drawn;
    const place = Math.min(Math.max(Math.floor(logical), 0), slots.length - 1);
    return (slots[place]?.ms ?? 0) + Math.round(logical - place) * roughMs(this.interval);
  }
}
