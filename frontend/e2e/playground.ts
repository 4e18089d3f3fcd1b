import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test as base, type Page } from "@playwright/test";

const SCRIPT = fileURLToPath(new URL("../../scripts/playground", import.meta.url));

/** Where a running playground is, as scripts/playground tells it. */
interface Told {
  url: string;
  link: string;
  token: string;
  simulator: string;
  control: string;
  data_dir: string;
  warehouse: string;
  pid: number;
}

type Part = "simulator" | "daemon" | "api" | "database" | "lake";
type Row = Record<string, string | number | null>;

/** A whole Candlehouse: its parts can be away for a while, its warehouse be asked, its exchange be changed. */
export class Playground {
  constructor(readonly at: Told) {}

  /** Stop a part, or kill it as a power failure would. */
  async stop(part: Part, how: "stop" | "kill" = "stop"): Promise<void> {
    await ask(`${this.at.control}/parts/${part}/${how}`, {});
  }

  /** Start a part again; it answers when this is done. */
  async start(part: Part): Promise<void> {
    await ask(`${this.at.control}/parts/${part}/start`, {});
  }

  async sql(sql: string): Promise<Row[]> {
    return (await ask(`${this.at.control}/sql`, { sql })) as Row[];
  }

  /** Throw a fault at the exchange, e.g. `429:retry_after=10,count=1`. */
  async throwFault(spec: string): Promise<void> {
    await ask(`${this.at.simulator}/simulator/faults`, { spec });
  }

  /** Change the market, e.g. `hole:symbol=BTCUSDT,minutes=10,restored=+5m`. */
  async changeMarket(spec: string): Promise<void> {
    await ask(`${this.at.simulator}/simulator/market`, { spec });
  }

  /** Ask the API for something as its operator. */
  async post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
    return (await ask(this.at.url + path, body, { Authorization: `Bearer ${this.at.token}` })) as Answer;
  }

  async heal(): Promise<void> {
    await fetch(`${this.at.simulator}/simulator/faults`, { method: "DELETE" });
  }

  /** Open the link of the first start: logged in as the operator from then on. */
  async login(page: Page): Promise<void> {
    await page.goto(this.at.link);
  }
}

async function ask(url: string, body: unknown, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/**
 * `playground` is one for all tests of a worker; a file may choose another: `test.use({ playgroundOptions })`.
 * While tests are written, `PLAYGROUND='{"url": …}'`, the line of one that runs already, saves its start.
 */
export const test = base.extend<object, { playground: Playground; playgroundOptions: string[] }>({
  playgroundOptions: [
    ["--symbols", "5", "--days", "1", "--rough", "--wait"],
    { option: true, scope: "worker" },
  ],
  playground: [
    async ({ playgroundOptions }, use) => {
      if (process.env.PLAYGROUND) return use(new Playground(JSON.parse(process.env.PLAYGROUND) as Told));
      const child = spawn(SCRIPT, playgroundOptions, { stdio: ["ignore", "pipe", "inherit"] });
      try {
        await use(new Playground(await firstLine(child)));
      } finally {
        await end(child);
      }
    },
    { scope: "worker", timeout: 600_000 },
  ],
  baseURL: async ({ playground }, use) => use(playground.at.url),
});

export { expect } from "@playwright/test";

function firstLine(child: ChildProcess): Promise<Told> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (more: Buffer) => {
      said += more;
      if (said.includes("\n")) resolve(JSON.parse(said) as Told);
    });
    child.on("exit", (status) => reject(new Error(`the playground ended by itself, status ${status}`)));
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.on("exit", () => resolve());
    child.kill("SIGTERM");
  });
}
