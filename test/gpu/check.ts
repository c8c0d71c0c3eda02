/** One thing that was looked at on a GPU host. */
export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was expected and what came, where it did not pass. */
  readonly detail?: string;
}
