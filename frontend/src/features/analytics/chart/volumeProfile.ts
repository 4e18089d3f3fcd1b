/** What was traded at which price, as bars that grow from the right edge; the value area is the stronger part. */
import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesApi,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";
import type { VolumeProfile } from "../useVolumeProfile";
import { type Colours, faded } from "./colours";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

const SHARE_OF_WIDTH = 0.22;

export class ProfileBars implements ISeriesPrimitive<Time> {
  private series: ISeriesApi<"Candlestick"> | null = null;
  private redraw: (() => void) | null = null;
  private profile: VolumeProfile | null = null;
  private colours: Colours | null = null;
  private readonly views: readonly IPrimitivePaneView[] = [
    { zOrder: () => "bottom", renderer: () => this.renderer },
  ];
  private readonly renderer: IPrimitivePaneRenderer = { draw: (target) => this.draw(target) };

  attached({ series, requestUpdate }: SeriesAttachedParameter<Time>) {
    this.series = series as ISeriesApi<"Candlestick">;
    this.redraw = requestUpdate;
  }

  detached() {
    this.series = null;
    this.redraw = null;
  }

  paneViews() {
    return this.views;
  }

  show(profile: VolumeProfile | null) {
    this.profile = profile;
    this.redraw?.();
  }

  paint(colours: Colours) {
    this.colours = colours;
    this.redraw?.();
  }

  private draw(target: Target) {
    const { series, profile, colours } = this;
    if (!series || !profile || !colours) return;
    const most = Math.max(...profile.bins.map(({ volume }) => volume));
    // biome-ignore lint/correctness/useHookAtTopLevel: the canvas calls it so, it is no hook
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const bin of profile.bins) {
        const [top, bottom] = [series.priceToCoordinate(bin.high), series.priceToCoordinate(bin.low)];
        if (top === null || bottom === null) continue;
        const width = (bin.volume / most) * mediaSize.width * SHARE_OF_WIDTH;
        context.fillStyle = fillOf(bin, profile, colours);
        context.fillRect(mediaSize.width - width, top, width, Math.max(bottom - top - 1, 1));
      }
    });
  }
}

function fillOf(bin: VolumeProfile["bins"][number], profile: VolumeProfile, colours: Colours): string {
  const middle = (bin.low + bin.high) / 2;
  if (bin.low <= profile.point_of_control && profile.point_of_control < bin.high)
    return faded(colours.accent, 0.5);
  const isInside = middle > profile.value_area_low && middle < profile.value_area_high;
  return faded(colours.muted, isInside ? 0.3 : 0.14);
}
