import { Group, Paper, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";
import classes from "./Panel.module.css";

type Props = {
  title: ReactNode;
  /** One line that says what is seen here, where the title does not. */
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Without padding around the content: for tables and charts that reach the edge. */
  flush?: boolean;
};

/** A named part of a page. */
export function Panel({ title, about, actions, children, flush = false }: Props) {
  const id = useId();
  return (
    <Paper component="section" aria-labelledby={id} className={classes.panel}>
      <Group className={classes.head} justify="space-between" gap="xs">
        <div>
          <Title order={2} size="h5" id={id}>
            {title}
          </Title>
          {about && (
            <Text size="xs" c="dimmed">
              {about}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      <div className={flush ? classes.flush : classes.body}>{children}</div>
    </Paper>
  );
}
