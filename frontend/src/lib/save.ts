/** Files made in the browser of what it holds already. */

type Row = Readonly<Record<string, unknown>>;

/** The rows as CSV with a head; quoted where needed, what is no plain value as JSON. */
export function csvOf(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => names.map((name) => quoted(row[name])).join(","));
  return [names.join(","), ...lines].map((line) => `${line}\r\n`).join("");
}

function quoted(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  // A spreadsheet would take such a text for a formula.
  const safe = /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Let the browser save *rows* as a file. */
export function saveCsv(name: string, rows: readonly Row[]) {
  saveAs(name, new Blob([csvOf(rows)], { type: "text/csv" }));
}

export function saveAs(name: string, content: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
