const LONGEST = 120;

/** A URI as the user wrote it, cut to a length fit for a sentence, control characters escaped. */
export function quote(uri: string): string {
  return JSON.stringify(uri.length > LONGEST ? `${uri.slice(0, LONGEST)}…` : uri);
}
