/** What readiness is computed from, at the moment of asking. */
export interface Vitals {
  /** Engines that take work, by tower. */
  readonly serving: Readonly<Record<string, number>>;
  readonly draining: boolean;
  /** Why the engines will not serve again before the process is started anew; absent where they do. */
  readonly lost?: string | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty where ready. */
  readonly reasons: readonly string[];
}

/**
 * Ready means that a request sent now would be worked on. It is computed and never stored, so it cannot be stale;
 * `undefined` stands for a model that is still being fetched or loaded. Being live depends on nothing of this.
 */
export function readiness(vitals: Vitals | undefined): Readiness {
  if (!vitals) return { ready: false, reasons: ['the model is still being loaded'] };
  const reasons: string[] = [];
  if (vitals.lost !== undefined) reasons.push(vitals.lost);
  if (vitals.draining) reasons.push('the server is shutting down');
  for (const [tower, engines] of Object.entries(vitals.serving))
    if (engines === 0) reasons.push(`no engine of the ${tower} tower is serving`);
  return { ready: reasons.length === 0, reasons };
}
