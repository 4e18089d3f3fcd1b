/** Indicators: lines over the candles, or in panes of their own below; and the line of a second symbol. */
import {
  createTextWatermark,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type ITextWatermarkPluginApi,
  LineSeries,
  LineStyle,
  PriceScaleMode,
  type SeriesType,
  type Time,
} from "lightweight-charts";
import { type Indicator, KINDS, nameOf, titleOf } from "../indicatorNames";
import type { Slot } from "../slots";
import { type Colours, faded, lineColour } from "./colours";
import { linesOf, secondsOf } from "./data";

/** Values by the names that the API gives them, each beside the slots. */
export type Values = ReadonlyMap<string, readonly (number | null)[]>;

type Part = { name: string; series: ISeriesApi<SeriesType>; role: "line" | "edge" | "second" | "histogram" };
type Shown = { indicator: Indicator; parts: Part[]; title: ITextWatermarkPluginApi<Time> | null };

const PANE_SHARE = 0.3;
const QUIET = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false } as const;
const LEVELS: Partial<Record<string, readonly number[]>> = { rsi: [70, 30], macd: [0] };

export class Lines {
  private shown: Shown[] = [];
  private compared: ISeriesApi<"Line"> | null = null;
  private digits = 2;

  constructor(
    private readonly chart: IChartApi,
    private colours: Colours,
  ) {}

  /** Show these indicators; what was shown before and is not among them goes. */
  setIndicators(indicators: readonly Indicator[]) {
    for (const { parts, title } of this.shown) {
      title?.detach();
      for (const { series } of parts) this.chart.removeSeries(series);
    }
    this.shown = indicators.map((indicator) => this.add(indicator));
    this.keepLinear();
    this.paint(this.colours);
  }

  /** Panes of their own stay linear whatever the candles' scale is: new ones would take that over. */
  keepLinear() {
    for (const { parts, title } of this.shown) {
      if (title) parts[0]?.series.priceScale().applyOptions({ mode: PriceScaleMode.Normal });
    }
  }

  setValues(slots: readonly Slot[], values: Values) {
    for (const { parts } of this.shown) {
      for (const { name, series, role } of parts) {
        const found = values.get(name);
        if (!found) series.setData([]);
        else if (role === "histogram") series.setData(this.bars(slots, found));
        else series.setData(linesOf(slots, found));
      }
    }
  }

  /** Draw a second symbol's closes in percent on the left; null takes it away. */
  setCompared(slots: readonly Slot[], closes: readonly (number | null)[] | null) {
    if (!closes) {
      if (this.compared) this.chart.removeSeries(this.compared);
      this.compared = null;
    } else {
      this.compared ??= this.chart.addSeries(LineSeries, {
        ...QUIET,
        priceScaleId: "left",
        baseLineVisible: false,
        lineWidth: 2,
        color: this.colours.accent,
      });
      this.compared.setData(linesOf(slots, closes));
    }
    this.chart.applyOptions({ leftPriceScale: { visible: closes !== null } });
  }

  setDigits(digits: number) {
    this.digits = digits;
    for (const { indicator, parts } of this.shown) {
      if (KINDS[indicator.kind].where === "overlay") {
        for (const { series } of parts) series.applyOptions({ priceFormat: this.priceFormat });
      }
    }
  }

  paint(colours: Colours) {
    this.colours = colours;
    this.compared?.applyOptions({ color: colours.accent });
    for (const [place, { indicator, parts, title }] of this.shown.entries()) {
      const colour = lineColour(colours, place);
      const second = lineColour(colours, place + 1);
      for (const { series, role } of parts) {
        const of = { line: colour, edge: faded(colour, 0.6), second, histogram: faded(colour, 0.4) };
        series.applyOptions({ color: of[role] });
        for (const line of series.priceLines()) line.applyOptions({ color: faded(colours.muted, 0.6) });
      }
      title?.applyOptions({
        lines: [{ text: titleOf(indicator), color: colours.muted, fontSize: 11, lineHeight: 24 }],
      });
    }
  }

  private get priceFormat() {
    return { type: "price", precision: this.digits, minMove: 10 ** -this.digits } as const;
  }

  private add(indicator: Indicator): Shown {
    const name = nameOf(indicator);
    if (KINDS[indicator.kind].where === "overlay") {
      const parts = [this.line(name, "line", 0)];
      if (indicator.kind === "bollinger") {
        parts.push(this.line(`${name}.upper`, "edge", 0), this.line(`${name}.lower`, "edge", 0));
      }
      return { indicator, parts, title: null };
    }
    const pane = this.chart.panes().length;
    const parts = indicator.kind === "macd" ? this.macd(name, pane) : [this.line(name, "line", pane)];
    for (const price of LEVELS[indicator.kind] ?? []) {
      parts[0]?.series.createPriceLine({
        price,
        lineStyle: LineStyle.Dotted,
        lineWidth: 1,
        axisLabelVisible: false,
      });
    }
    const made = this.chart.panes()[pane];
    made?.setStretchFactor(PANE_SHARE);
    const title = made ? createTextWatermark(made, { horzAlign: "left", vertAlign: "top", lines: [] }) : null;
    return { indicator, parts, title };
  }

  private macd(name: string, pane: number): Part[] {
    const series = this.chart.addSeries(HistogramSeries, { ...QUIET, priceFormat: this.priceFormat }, pane);
    const histogram: Part = { name: `${name}.histogram`, series, role: "histogram" };
    return [histogram, this.line(name, "line", pane), this.line(`${name}.signal`, "second", pane)];
  }

  private line(name: string, role: Part["role"], pane: number): Part {
    const isOverlay = pane === 0;
    const series = this.chart.addSeries(
      LineSeries,
      {
        ...QUIET,
        lastValueVisible: !isOverlay,
        lineWidth: role === "line" ? 2 : 1,
        priceFormat: name.startsWith("obv") ? { type: "volume" } : this.priceFormat,
      },
      pane,
    );
    return { name, series, role };
  }

  private bars(slots: readonly Slot[], values: readonly (number | null)[]) {
    return slots.map((slot, place) => {
      const value = values[place];
      const time = secondsOf(slot.ms);
      if (value == null) return { time };
      return { time, value, color: faded(value >= 0 ? this.colours.up : this.colours.down, 0.55) };
    });
  }
}
