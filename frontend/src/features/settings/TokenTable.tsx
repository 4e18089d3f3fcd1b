import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Token } from "@/api/types";
import { ConfirmButton } from "@/components/ConfirmButton";
import { type Column, DataTable } from "@/components/DataTable";
import { Time } from "@/components/Time";

export function TokenTable({ tokens }: { tokens: readonly Token[] }) {
  return <DataTable label="Tokens" columns={COLUMNS} rows={tokens} rowKey={(one) => one.id} />;
}

const COLUMNS: readonly Column<Token>[] = [
  { id: "name", title: "Name", cell: (one) => <b>{one.name}</b>, sortBy: (one) => one.name },
  { id: "role", title: "Role", cell: (one) => one.role },
  { id: "created", title: "Made", from: "sm", cell: (one) => <Time ms={one.created_ms} to="day" /> },
  {
    id: "used",
    title: "Last used",
    cell: (one) => (one.last_used_ms === null ? "never" : <Time ms={one.last_used_ms} relative />),
  },
  {
    id: "expires",
    title: "Ends",
    from: "sm",
    cell: (one) => (one.expires_ms === null ? "never" : <Time ms={one.expires_ms} to="day" />),
  },
  { id: "sessions", title: "Sessions", align: "right", from: "md", cell: (one) => one.sessions },
  {
    id: "revoke",
    title: <span className="ch-unseen">Revoke</span>,
    align: "right",
    cell: (one) => <Revoke token={one} />,
  },
];

function Revoke({ token }: { token: Token }) {
  const revoke = useAction({
    act: () => take(client.DELETE("/api/tokens/{id}", { params: { path: { id: token.id } } })),
    makesStale: [keys.tokens, keys.audit, keys.session],
    told: () => `The token of ${token.name} opens nothing any more.`,
  });
  return (
    <ConfirmButton
      size="compact-sm"
      variant="subtle"
      c="var(--ch-error)"
      label="Revoke"
      aria-label={`Revoke the token of ${token.name}`}
      question={`Revoke the token of ${token.name}?`}
      confirm="Revoke"
      onConfirm={() => revoke.mutate(undefined)}
    >
      It fails at once, with all sessions opened with it. That cannot be taken back.
    </ConfirmButton>
  );
}
