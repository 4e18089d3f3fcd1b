import { exact, percent, price } from "@/lib/format";

/** A price to look at; its title has all digits that the exchange sent. */
export function Price({ amount }: { amount: string | null | undefined }) {
  return (
    <span className="ch-num" title={amount == null ? undefined : exact(amount)}>
      {price(amount)}
    </span>
  );
}

/** A change in percent: sign and colour say the same. */
export function Change({ value }: { value: string | null | undefined }) {
  const number = Number(value ?? 0);
  const colour = number > 0 ? "var(--ch-up)" : number < 0 ? "var(--ch-down)" : "var(--ch-muted)";
  return (
    <span className="ch-num" style={{ color: colour, fontWeight: 550 }}>
      {percent(value)}
    </span>
  );
}
