/**
 * A clock for one request: the time of day when it is opened, then monotonic. Its readings are integer microseconds
 * since 1970, and their differences hold whatever is done to the machine's clock meanwhile.
 */
export function openClock(): () => number {
  const opened = Date.now() * 1000;
  const origin = performance.now();
  return () => opened + Math.round((performance.now() - origin) * 1000);
}

/** RFC 3339 with microseconds, as Python's `isoformat` writes UTC. */
export function isoMicroseconds(microseconds: number): string {
  const seconds = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 19);
  return `${seconds}.${String(microseconds % 1_000_000).padStart(6, '0')}+00:00`;
}
