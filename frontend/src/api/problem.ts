import type { components } from "./schema";

type ProblemOut = components["schemas"]["ProblemOut"];

/** What the API refused or could not do, as `application/problem+json` tells it. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly type: string;
  readonly fields: ProblemOut["errors"];

  constructor(told: ProblemOut) {
    super(told.detail);
    this.name = "Problem";
    this.status = told.status;
    this.title = told.title;
    this.type = told.type;
    this.fields = told.errors;
  }
}

/** The API could not be reached at all: it is stopped, or the network is away. */
export class Unreachable extends Error {
  constructor() {
    super("Candlehouse does not answer. The page goes on by itself once it does.");
    this.name = "Unreachable";
  }
}

/** Make an error of any answer that is not a success, also where a proxy answered in the API's place. */
export function problemOf(body: unknown, response: Response): Problem {
  if (isProblem(body)) return new Problem(body);
  const title = response.statusText || "No answer that can be read";
  const detail = `${title}: something between this page and Candlehouse answered with status ${response.status}.`;
  return new Problem({ type: "about:blank", title, status: response.status, detail, errors: [] });
}

function isProblem(body: unknown): body is ProblemOut {
  return (
    typeof body === "object" && body !== null && "detail" in body && "status" in body && "errors" in body
  );
}

/** What to tell a person of any error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
