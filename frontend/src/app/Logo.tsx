/** The mark: two candles in a house, a flame above. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <path
        fill="var(--ch-accent)"
        d="M16 1.5c2.600 3 3.700 5 3.700 6.900a3.700 3.700 0 0 1-7.400 0C12.300 6.500 13.400 4.500 16 1.500z"
      />
      <path fill="var(--ch-up-fill)" d="M8 14h7v12H8z" />
      <path fill="var(--ch-down-fill)" d="M17 18h7v8h-7z" />
      <path fill="var(--ch-muted)" d="M4 28h24v2.500H4zM11 11.500h1V14h-1zM20 15h1v3h-1z" />
    </svg>
  );
}
