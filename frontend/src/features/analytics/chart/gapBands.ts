/** Hatched bands where candles are missing, with the reason where there is room to read it. */
import type {
  IChartApi,
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";
import type { Colours } from "./colours";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

/** A hole by the places of its first and last slot. */
export type Band = { first: number; last: number; label: string };

const HATCH = 7;
const LABEL_AIR = 10;

export class GapBands implements ISeriesPrimitive<Time> {
  private chart: IChartApi | null = null;
  private redraw: (() => void) | null = null;
  private bands: readonly Band[] = [];
  private colours: Colours | null = null;
  private readonly views: readonly IPrimitivePaneView[] = [
    { zOrder: () => "bottom", renderer: () => this.renderer },
  ];
  private readonly renderer: IPrimitivePaneRenderer = { draw: (target) => this.draw(target) };

  attached({ chart, requestUpdate }: SeriesAttachedParameter<Time>) {
    this.chart = chart as IChartApi;
    this.redraw = requestUpdate;
  }

  detached() {
    this.chart = null;
    this.redraw = null;
  }

  paneViews() {
    return this.views;
  }

  show(bands: readonly Band[]) {
    this.bands = bands;
    this.redraw?.();
  }

  paint(colours: Colours) {
    this.colours = colours;
    this.redraw?.();
  }

  private draw(target: Target) {
    const scale = this.chart?.timeScale();
    const seen = scale?.getVisibleLogicalRange();
    const { colours } = this;
    if (!scale || !seen || !colours) return;
    // Only whole places have a coordinate.
    const x = (place: number) => scale.logicalToCoordinate(place as Logical) ?? 0;
    const half = (x(1) - x(0)) / 2;
    // biome-ignore lint/correctness/useHookAtTopLevel: the canvas calls it so, it is no hook
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const { first, last, label } of this.bands) {
        if (last < seen.from || first > seen.to) continue;
        const left = Math.max(x(first) - half, -HATCH);
        const right = Math.min(Math.max(x(last) + half, left + 1.5), mediaSize.width + HATCH);
        hatch(context, left, right, mediaSize.height, colours);
        write(context, label, left, right, mediaSize.height, colours);
      }
    });
  }
}

function hatch(
  context: CanvasRenderingContext2D,
  left: number,
  right: number,
  height: number,
  colours: Colours,
) {
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, height);
  context.clip();
  context.fillStyle = colours.gapFill;
  context.fillRect(left, 0, right - left, height);
  context.strokeStyle = colours.gap;
  context.globalAlpha = 0.3;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = left - height; at < right; at += HATCH) {
    context.moveTo(at, height);
    context.lineTo(at + height, 0);
  }
  context.stroke();
  context.restore();
}

function write(
  context: CanvasRenderingContext2D,
  label: string,
  left: number,
  right: number,
  height: number,
  colours: Colours,
) {
  context.save();
  context.font = "500 11px 'Inter Variable', system-ui, sans-serif";
  context.textAlign = "center";
  const shown = shorten(label, right - left - LABEL_AIR, (text) => context.measureText(text).width);
  const width = context.measureText(shown).width + LABEL_AIR;
  const centre = (left + right) / 2;
  const top = height * 0.42;
  if (shown) {
    context.fillStyle = colours.panel;
    context.globalAlpha = 0.85;
    context.fillRect(centre - width / 2, top - 12, width, 18);
    context.globalAlpha = 1;
    context.fillStyle = colours.gap;
    context.fillText(shown, centre, top + 1);
  }
  context.restore();
}

const LEAST_LETTERS = 6;

/** As much of a label as there is room for; nothing where that would tell nothing. */
export function shorten(label: string, room: number, widthOf: (text: string) => number): string {
  if (widthOf(label) <= room) return label;
  for (let length = label.length - 1; length >= LEAST_LETTERS; length -= 1) {
    const cut = `${label.slice(0, length).trimEnd()}…`;
    if (widthOf(cut) <= room) return cut;
  }
  return "";
}
