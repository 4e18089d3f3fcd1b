import { saveAs } from "@/lib/save";

/** Offer a chart's picture as a file, with a line above it that says what it shows. */
export function saveImage(chart: HTMLCanvasElement, symbol: string, interval: string) {
  const ratio = window.devicePixelRatio || 1;
  const head = Math.round(30 * ratio);
  const canvas = document.createElement("canvas");
  canvas.width = chart.width;
  canvas.height = chart.height + head;
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(document.documentElement);
  const now = new Date().toISOString();
  context.fillStyle = style.getPropertyValue("--ch-panel");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.getPropertyValue("--ch-text");
  context.font = `600 ${13 * ratio}px 'Inter Variable', system-ui, sans-serif`;
  const text = `${symbol} · ${interval} · ${now.slice(0, 16).replace("T", " ")} UTC · Candlehouse`;
  context.fillText(text, 10 * ratio, 20 * ratio);
  context.drawImage(chart, 0, head);
  const name = `${symbol}-${interval}-${now.slice(0, 19).replace(/[-:]/g, "")}.png`;
  canvas.toBlob((blob) => blob && saveAs(name, blob));
}
