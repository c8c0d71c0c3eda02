import type { DriverProbe, LibraryProbe } from '../native/addon.ts';

/** What a host is asked that may hang or end the process that asks. */
export type Question =
  | { readonly ask: 'driver' }
  | { readonly ask: 'library'; readonly name: string; readonly versionFunction: string }
  /** Whether ONNX Runtime opens a graph by this provider. */
  | { readonly ask: 'onnxruntime'; readonly provider: 'cpu' | 'cuda' };

export interface Answers {
  readonly driver: DriverProbe;
  readonly library: LibraryProbe;
  /** Empty where it does. */
  readonly onnxruntime: { readonly error?: string };
}

export type Answer<Asked extends Question['ask'] = Question['ask']> = Answers[Asked];
