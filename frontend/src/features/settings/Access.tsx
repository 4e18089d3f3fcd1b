import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Problem } from "@/api/problem";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { type Column, DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Time } from "@/components/Time";
import { LogInFirst } from "./LogInFirst";
import { NewToken } from "./NewToken";
import { TokenTable } from "./TokenTable";

type Audit = components["schemas"]["AuditOut"];

/** Who may use Candlehouse, and who changed what. */
export function Access() {
  const tokens = useQuery(queries.tokens());
  const audit = useQuery(queries.audit({ limit: 50 }));
  if (isRefused(tokens.error)) return <LogInFirst />;
  return (
    <Stack gap="md">
      <Panel
        title="New token"
        about="A viewer reads; an operator may do everything. The token is shown once."
      >
        <NewToken />
      </Panel>
      <Panel title="Tokens" flush>
        <Loaded query={tokens}>{(data) => <TokenTable tokens={data.tokens} />}</Loaded>
      </Panel>
      <Panel title="Audit log" about="Who changed what over HTTP, and who was refused" flush>
        <Loaded
          query={audit}
          isEmpty={(data) => data.entries.length === 0}
          empty={
            <Text p="md" size="sm" c="dimmed">
              Nothing has been changed over HTTP yet.
            </Text>
          }
        >
          {(data) => (
            <DataTable label="Audit log" columns={COLUMNS} rows={data.entries} rowKey={(one) => one.id} />
          )}
        </Loaded>
      </Panel>
    </Stack>
  );
}

function isRefused(error: unknown): boolean {
  return error instanceof Problem && (error.status === 401 || error.status === 403);
}

const COLUMNS: readonly Column<Audit>[] = [
  { id: "at", title: "When", cell: (one) => <Time ms={one.at_ms} to="second" /> },
  { id: "actor", title: "Who", cell: (one) => one.actor },
  { id: "what", title: "What", cell: (one) => <What entry={one} /> },
  { id: "status", title: "Answer", align: "right", cell: (one) => one.status },
  { id: "remote", title: "From", from: "md", cell: (one) => one.remote },
];

function What({ entry }: { entry: Audit }) {
  return (
    <div>
      {entry.detail}
      <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {entry.method} {entry.path}
      </Text>
    </div>
  );
}
