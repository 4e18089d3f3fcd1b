import { Button, Group } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import classes from "./Data.module.css";

type Props<Page, Row> = {
  title: string;
  about: string;
  actions?: ReactNode;
  /** What narrows the list, or sums it up. */
  toolbar?: ReactNode;
  query: UseInfiniteQueryResult<InfiniteData<Page>>;
  rowsOf: (page: Page) => readonly Row[];
  /** What to show where there are no rows. */
  empty: ReactNode;
  lines?: number;
  children: (rows: readonly Row[]) => ReactNode;
};

/** A list that comes in pages: what is asked for, its rows, and a way to the next page. */
export function PagedPanel<Page, Row>({
  toolbar,
  query,
  rowsOf,
  empty,
  lines,
  children,
  ...head
}: Props<Page, Row>) {
  return (
    <Panel {...head} flush>
      {toolbar}
      <Loaded
        query={query}
        isEmpty={(data) => data.pages.every((page) => rowsOf(page).length === 0)}
        empty={empty}
        lines={lines}
      >
        {(data) => children(data.pages.flatMap(rowsOf))}
      </Loaded>
      {query.hasNextPage && (
        <Group justify="center" className={classes.more}>
          <Button
            size="xs"
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Show more
          </Button>
        </Group>
      )}
    </Panel>
  );
}
