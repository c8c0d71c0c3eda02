/** Times of one request, in integer microseconds since 1970. */
export interface Clock {
  readonly opened: number;
  now(): number;
}

/**
 * The time of day when it is opened, then monotonic: the differences of its readings hold whatever is done to the
 * machine's clock meanwhile.
 */
export function openClock(): Clock {
  const opened = Date.now() * 1000;
  const origin = performance.now();
  return { opened, now: () => opened + Math.round((performance.now() - origin) * 1000) };
}

let second = { since1970: Number.NaN, text: '' };

/** RFC 3339 with microseconds, as Python's `isoformat` writes UTC. */
export function isoMicroseconds(microseconds: number): string {
  const since1970 = Math.floor(microseconds / 1_000_000);
  // An answer has four of them, nearly always of the same second.
  if (since1970 !== second.since1970)
    second = { since1970, text: new Date(since1970 * 1000).toISOString().slice(0, 19) };
  return `${second.text}.${String(microseconds % 1_000_000).padStart(6, '0')}+00:00`;
}
