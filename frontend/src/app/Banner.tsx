import { IconCloudOff, IconDatabaseOff, IconPlayerStop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Unreachable } from "@/api/problem";
import { queries } from "@/api/queries";
import type { Health, HealthComponent } from "@/api/types";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { HEALTH_EVERY_MS } from "./HealthBadge";
import classes from "./Shell.module.css";

/** Says over each page what makes all of it old: no connection, no database, no scheduler. */
export function Banner() {
  const { data, error, dataUpdatedAt } = useQuery({
    ...queries.health(),
    refetchInterval: HEALTH_EVERY_MS,
    retry: false,
  });
  if (error instanceof Unreachable) {
    return (
      <Line tone="error" icon={<IconCloudOff size={18} />}>
        <b>No connection to Candlehouse.</b> What you see is as of{" "}
        <Time ms={dataUpdatedAt || undefined} to="clock" />; it goes on by itself.
      </Line>
    );
  }
  const trouble = data && findTrouble(data);
  if (!trouble) return null;
  const isStore = trouble.name !== "scheduler";
  return (
    <Line
      tone={isStore ? "error" : "warning"}
      icon={isStore ? <IconDatabaseOff size={18} /> : <IconPlayerStop size={18} />}
    >
      <b>{isStore ? `The ${trouble.name} is away.` : "Nothing is collected at the moment."}</b>{" "}
      <Prose text={`${sentence(trouble.found)} ${sentence(trouble.advice)}`} />
    </Line>
  );
}

function sentence(text: string): string {
  return text && `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

/** The component that makes pages old, the worst first; null where none does. */
export function findTrouble(health: Health) {
  const isTrouble = ({ name, status }: HealthComponent) =>
    // A leader that shows no sign of life is as good as gone, though its lease is not over.
    status === "down" || (name === "scheduler" && status === "degraded");
  const order = ["warehouse", "lake", "scheduler"];
  return (
    order.flatMap((name) => health.components.filter((one) => one.name === name && isTrouble(one)))[0] ?? null
  );
}

function Line({ tone, icon, children }: { tone: "error" | "warning"; icon: ReactNode; children: ReactNode }) {
  return (
    <div className={classes.banner} style={{ ["--tone" as string]: `var(--ch-${tone})` }} role="status">
      {icon}
      <span>{children}</span>
    </div>
  );
}
