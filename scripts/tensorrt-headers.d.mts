export interface FoundHeaders {
  readonly major: number;
  readonly folder: string;
  /** With build number. */
  readonly version: string;
}

export const MAJORS: readonly number[];
export function fetchedFolder(major: number): string;
export function findHeaders(major: number): FoundHeaders | undefined;
export function fingerprint(headers: FoundHeaders): string;
export function compilerFlags(headers: FoundHeaders): string[];
