/** CUDA 12's: neither this program's kernels nor the libraries that it serves are made for drivers before. */
export const LEAST_DRIVER = 12_000;

/** `12.4` of 12040, the newest CUDA that a driver serves. */
export function cudaText(number: number): string {
  return `${Math.trunc(number / 1000)}.${(number % 1000) / 10}`;
}
