import { useComputedColorScheme } from "@mantine/core";
import { memo, useEffect, useRef } from "react";
import { type HeatRow, strokesOf, TONES, type Tone } from "./cells";
import classes from "./Heatmap.module.css";

/**
 * The cells' colours, a pixel each: the browser makes them as large as the element is. So a year of a hundred
 * symbols is a small picture, whatever the screen's resolution.
 */
export const HeatCanvas = memo(function HeatCanvas({
  rows,
  days,
}: {
  rows: readonly HeatRow[];
  days: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes what the colours' names mean
  useEffect(() => {
    if (canvas.current) draw(canvas.current, rows);
  }, [rows, scheme]);
  return <canvas ref={canvas} className={classes.canvas} width={days} height={rows.length} aria-hidden />;
});

function draw(canvas: HTMLCanvasElement, rows: readonly HeatRow[]) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(canvas);
  const colours = new Map<Tone, string>(
    TONES.map((tone) => [tone, style.getPropertyValue(`--ch-heat-${tone}`).trim()]),
  );
  rows.forEach((row, index) => {
    for (const { tone, from, length } of strokesOf(row.cells)) {
      context.fillStyle = colours.get(tone) ?? "";
      context.fillRect(from, index, length, 1);
    }
  });
}
