import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Figure.module.css";

type Props = { label: string; value: ReactNode; about?: ReactNode };

/** One number that matters, with its name. */
export function Figure({ label, value, about }: Props) {
  return (
    <div className={classes.figure}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <div className={classes.value}>{value}</div>
      {about && (
        <Text size="xs" c="dimmed" component="div">
          {about}
        </Text>
      )}
    </div>
  );
}

/** Figures side by side, as many as there is room for. */
export function Figures({ children }: { children: ReactNode }) {
  return <div className={classes.figures}>{children}</div>;
}
