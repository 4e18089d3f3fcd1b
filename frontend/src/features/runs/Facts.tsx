import { Fragment } from "react";
import { factName, factParts, factText } from "./factText";
import classes from "./runs.module.css";

/** Whatever a run tells, as names and values; what has parts is set in. */
export function Facts({ of }: { of: unknown }) {
  const parts = factParts(of);
  if (parts.length === 0) return <p>{factText("", of)}</p>;
  return (
    <dl className={classes.facts}>
      {parts.map(([name, value]) => {
        const text = factText(name, value);
        return (
          <Fragment key={name}>
            <dt>{factName(name)}</dt>
            {text === null ? (
              <dd className={classes.nested}>
                <Facts of={value} />
              </dd>
            ) : (
              <dd>{text}</dd>
            )}
          </Fragment>
        );
      })}
    </dl>
  );
}
