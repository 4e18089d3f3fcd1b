/** The API's stand-in in unit tests. Answers are built by `factories.ts`, typed from the schema. */
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { makeSession } from "./factories";

const anyOrigin = (path: string) => `*${path}`;

/** Answer GET *path* with *body*. */
export function answers<T extends object>(path: string, body: T | (() => T)) {
  return http.get(anyOrigin(path), () =>
    HttpResponse.json<object>(typeof body === "function" ? body() : body),
  );
}

/** Take POST *path*, note what was sent, and answer with *body*. */
export function takes<T extends object>(path: string, body: T, sent: unknown[] = []) {
  return http.post(anyOrigin(path), async ({ request }) => {
    const text = await request.text();
    sent.push(text ? JSON.parse(text) : undefined);
    return HttpResponse.json<object>(body);
  });
}

/** Refuse *path* as the API does. */
export function refuses(path: string, status: number, detail: string) {
  const body = { type: "urn:candlehouse:problem:test", title: "Refused", status, detail, errors: [] };
  return http.all(anyOrigin(path), () =>
    HttpResponse.json(body, { status, headers: { "Content-Type": "application/problem+json" } }),
  );
}

export const server = setupServer(answers("/api/session", makeSession()));
