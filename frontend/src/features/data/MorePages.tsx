import { Button, Group } from "@mantine/core";
import classes from "./Data.module.css";

type Paged = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> };

/** Asks for the next page of a list, where there is one. */
export function MorePages({ query }: { query: Paged }) {
  if (!query.hasNextPage) return null;
  return (
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
  );
}
