import createClient from "openapi-fetch";
import { problemOf, Unreachable } from "./problem";
import type { paths } from "./schema";

/** Where this app lives: `/`, or the prefix that a reverse proxy put before it. */
export const base = new URL("./", document.baseURI);

export const client = createClient<paths>({
  baseUrl: base.href.replace(/\/$/, ""),
  credentials: "same-origin",
  fetch: (request) => globalThis.fetch(request),
});

type Told<T> = { data?: T; error?: unknown; response: Response };

/** Return the data of a call of `client`; throw a `Problem` or `Unreachable` instead of returning an error. */
export async function take<T>(call: Promise<Told<T>>): Promise<T> {
  const told = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable();
  });
  if (told.error !== undefined || !told.response.ok) throw problemOf(told.error, told.response);
  return told.data as T;
}

/** Return the address of an API path for what the browser opens itself: streams, downloads. */
export function addressOf(path: string, query: Record<string, string | number | undefined> = {}): string {
  const url = new URL(path.replace(/^\//, ""), base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}
