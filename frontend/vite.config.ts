import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the API; `./candlehouse up` serves it there unless told otherwise.
const api = process.env.CANDLEHOUSE_API ?? "http://127.0.0.1:8000";
// As itself to the API: it refuses foreign hosts and origins.
const toApi = { target: api, changeOrigin: true, headers: { Origin: api } };

export default defineConfig({
  // Relative, so that one build works at `/` and below the prefix of a reverse proxy; Flask sets <base href>.
  base: "./",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { proxy: { "/api": toApi, "/health": toApi, "/metrics": toApi } },
  build: { target: "es2022", chunkSizeWarningLimit: 400 },
  test: {
    environment: "jsdom",
    globals: true,
    setupFiles: ["src/test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    css: false,
    testTimeout: 30_000, // for busy machines; a test that hangs is what it is for
  },
});
