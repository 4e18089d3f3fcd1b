/** Waiting for what a promise says in seconds: the real time is printed, a busy machine gets slack. */

/** What pages promise: they say so, or show it, within so many seconds. */
export const PROMISED_S = 15;
/** What tests wait at most: where all runs on two cores that others use, too, all of it is slower. */
export const PATIENCE_MS = 3 * PROMISED_S * 1_000;

/** Do something that waits, and print how long that took. */
export async function timed(what: string, waits: () => Promise<unknown>): Promise<void> {
  const beganMs = performance.now();
  await waits();
  const took = (performance.now() - beganMs) / 1_000;
  console.log(`  ${what}: after ${took.toFixed(1)} s (promised: ${PROMISED_S} s)`);
}
