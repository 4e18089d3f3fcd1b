import { memo } from "react";

type Props = { values: readonly number[]; width?: number; height?: number; label: string; neutral?: boolean };

/** A line of a few values without axes. Plain SVG: a hundred of them cost nothing. */
export const Spark = memo(function Spark({ values, width = 96, height = 28, label, neutral = false }: Props) {
  if (values.length < 2) return <svg width={width} height={height} aria-hidden />;
  const rises = (values.at(-1) ?? 0) >= (values[0] ?? 0);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <polyline
        points={sparkPoints(values, width, height)}
        fill="none"
        stroke={neutral ? "var(--ch-info)" : rises ? "var(--ch-up)" : "var(--ch-down)"}
        strokeWidth={1.5}
        strokeLinejoin="round"
      />
    </svg>
  );
});

/** The points of a polyline through *values*, from edge to edge with a pixel of air. */
export function sparkPoints(values: readonly number[], width: number, height: number): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = width / (values.length - 1);
  return values
    .map(
      (value, index) =>
        `${(index * step).toFixed(1)},${(height - 1 - ((value - low) / span) * (height - 2)).toFixed(1)}`,
    )
    .join(" ");
}
