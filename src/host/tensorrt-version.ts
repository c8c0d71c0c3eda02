/** What is served, as a clause. */
export const SERVED_VERSIONS = '10.3 and later but 10.8, and 11';

/** `10.15.1` of 101501; before TensorRT 10 it was 8601 for 8.6.1. */
export function versionText(number: number): string {
  const unit = number >= 100_000 ? 10_000 : 1000;
  return [Math.trunc(number / unit), Math.trunc((number % unit) / 100), number % 100].join('.');
}

/**
 * Whether an engine may be made with this TensorRT, by the number that `getInferLibVersion` gives. Before 10.3 functions are
 * missing; 10.8 has them in another order than all other versions of its major.
 */
export function isServed(number: number): boolean {
  const minor = Math.trunc(number / 100);
  return (minor >= 1003 && minor !== 1008 && minor < 1100) || (minor >= 1100 && minor < 1200);
}

/** Of a version that is served. */
export function majorOf(number: number): 10 | 11 {
  return number < 110_000 ? 10 : 11;
}
