import { defineConfig, devices } from "@playwright/test";

// Against the real thing: e2e/playground.ts starts an exchange, a daemon and an API for each worker.
export default defineConfig({
  testDir: "e2e",
  forbidOnly: process.env.CI === "true",
  // Two of everything keep a small machine busy.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  projects: [
    { name: "e2e", testMatch: "*.spec.ts" },
    { name: "screenshots", testMatch: "*.shots.ts" },
    { name: "measure", testMatch: "*.measure.ts" },
  ],
  use: {
    actionTimeout: 60_000,
    ...devices["Desktop Chrome"],
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      // Debian's, as `scripts/servers install` gets it. Its sandbox does not run as root.
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
});
