import type { Limits } from '../config/limits.ts';
import { ClipError, type ErrorCode } from '../errors.ts';
import type { Metrics } from '../observe/metrics.ts';

/** Counts a refusal under the limit's key in the flow file. */
export function countLimit(metrics: Metrics, name: keyof Limits): void {
  metrics.limited.inc({ limit: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) });
}

const LIMIT_OF_CODE: Partial<Record<ErrorCode, keyof Limits>> = {
  request_too_large: 'requestBytes',
  headers_too_large: 'headerBytes',
  too_deep: 'jsonDepth',
  too_many_items: 'itemsPerRequest',
  too_many_values: 'valuesPerRequest',
};

/** Counts a refusal under its limit, where the reading of a request met one. */
export function countFault(metrics: Metrics, thrown: unknown): void {
  const limit = LIMIT_OF_CODE[ClipError.from(thrown).code];
  if (limit) countLimit(metrics, limit);
}
