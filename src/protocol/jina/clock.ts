/** Microseconds since 1970 that never run backwards, whatever is done to the machine's clock meanwhile. */
export function microsecondsNow(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

/** RFC 3339 with microseconds, as Python's `isoformat` writes UTC. */
export function isoMicroseconds(microseconds: number): string {
  const seconds = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 19);
  return `${seconds}.${String(microseconds % 1_000_000).padStart(6, '0')}+00:00`;
}
