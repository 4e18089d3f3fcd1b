/** What a person prefers in this browser: time zone, favourites. Kept in localStorage, shared by all tabs. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Zone } from "./time";

const listeners = new Set<() => void>();

function read(name: string): string | null {
  try {
    return localStorage.getItem(`candlehouse.${name}`);
  } catch {
    return null; // a browser may forbid it
  }
}

function write(name: string, value: string) {
  try {
    localStorage.setItem(`candlehouse.${name}`, value);
  } catch {
    // Not kept, then; it holds for this page's life nowhere, which is what the browser was told to do.
  }
  for (const tell of listeners) tell();
}

function subscribe(tell: () => void) {
  listeners.add(tell);
  window.addEventListener("storage", tell);
  return () => {
    listeners.delete(tell);
    window.removeEventListener("storage", tell);
  };
}

/** A preference of text; *fallback* until one was chosen. */
export function usePreference(name: string, fallback: string): [string, (value: string) => void] {
  const value = useSyncExternalStore(subscribe, () => read(name) ?? fallback);
  return [value, useCallback((chosen: string) => write(name, chosen), [name])];
}

export function useZone(): [Zone, (zone: Zone) => void] {
  const [zone, setZone] = usePreference("zone", "utc");
  return [zone === "local" ? "local" : "utc", setZone];
}

export function useFavourites(): [ReadonlySet<string>, (symbol: string) => void] {
  const [text] = usePreference("favourites", "");
  return [useMemo(() => namesIn(text), [text]), toggleFavourite];
}

function toggleFavourite(symbol: string) {
  const after = namesIn(read("favourites") ?? "");
  if (!after.delete(symbol)) after.add(symbol);
  write("favourites", [...after].join(","));
}

function namesIn(text: string): Set<string> {
  return new Set(text.split(",").filter(Boolean));
}
