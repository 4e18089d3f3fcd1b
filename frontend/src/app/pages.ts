/** The pages: where they are, what they are called, and the code that draws them, loaded once it is needed. */
import {
  type Icon,
  IconCalendarClock,
  IconChartCandle,
  IconDatabase,
  IconFlask,
  IconLayoutDashboard,
  IconPlayerPlay,
  IconRoute,
  IconSettings,
} from "@tabler/icons-react";
import type { ComponentType } from "react";

export type Page = {
  path: string;
  /** Its name in the navigation and in the command palette; without one it is found from other pages alone. */
  name?: string;
  icon?: Icon;
  /** Further words that the command palette finds it by. */
  words?: string;
  load: () => Promise<{ Component: ComponentType }>;
};

export const pages: readonly Page[] = [
  {
    path: "/",
    name: "Dashboard",
    icon: IconLayoutDashboard,
    words: "home prices market symbols",
    load: () => import("@/features/dashboard/Dashboard"),
  },
  {
    path: "/analytics",
    name: "Analytics",
    icon: IconChartCandle,
    words: "chart candles indicators order book depth compare",
    load: () => import("@/features/analytics/Analytics"),
  },
  {
    path: "/data",
    name: "Data",
    icon: IconDatabase,
    words: "series coverage heatmap gaps quality verify replay export freshness refresh",
    load: () => import("@/features/data/DataPage"),
  },
  {
    path: "/runs",
    name: "Runs",
    icon: IconPlayerPlay,
    words: "batches backfill history progress requests weight",
    load: () => import("@/features/runs/RunsPage"),
  },
  { path: "/runs/:id", load: () => import("@/features/runs/RunPage") },
  {
    path: "/pipeline",
    name: "Pipeline",
    icon: IconRoute,
    words: "flow ingestion log quarantine storage restatements duplicates lake warehouse",
    load: () => import("@/features/pipeline/Pipeline"),
  },
  {
    path: "/scheduler",
    name: "Scheduler",
    icon: IconCalendarClock,
    words: "jobs schedule cron leader trigger",
    load: () => import("@/features/scheduler/Scheduler"),
  },
  {
    path: "/settings",
    name: "Settings",
    icon: IconSettings,
    words: "symbols track retention budget notifications tokens audit system doctor",
    load: () => import("@/features/settings/Settings"),
  },
  {
    path: "/simulator",
    name: "Simulator",
    icon: IconFlask,
    words: "faults break holes demo",
    load: () => import("@/features/simulator/Simulator"),
  },
  { path: "/start", load: () => import("@/features/start/StartPage") },
];
