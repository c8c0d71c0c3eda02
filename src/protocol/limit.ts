import type { Limits } from '../config/config.ts';
import type { Metrics } from '../observe/metrics.ts';

/** Counts a refusal under the limit's key in the flow file. */
export function countLimit(metrics: Metrics, name: keyof Limits): void {
  metrics.limited.inc({ limit: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) });
}
