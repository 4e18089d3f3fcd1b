import { Code, CopyButton, Title, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Facts.module.css";

/** A titled part of what is told in a drawer. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={3} size="h6" mb={4}>
        {title}
      </Title>
      {children}
    </section>
  );
}

/** Names and what they stand for; a dash for what is not known. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={classes.list}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A text that a press copies. */
export function Copied({ text }: { text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} className={classes.copied} title="Copy">
          <Code className={classes.code}>{text}</Code>
          <span role="status" className={copied ? classes.told : "ch-unseen"}>
            {copied ? "copied" : ""}
          </span>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}
