/** How far one task of the start is: a file being fetched or hashed, replicas being loaded. */
export interface Progress {
  /** What is being worked on, unique among tasks that run at once: `ViT-B-32::openai visual.onnx`. */
  readonly task: string;
  readonly phase:
    | 'waiting'
    | 'checking'
    | 'downloading'
    | 'rewriting'
    | 'proving'
    | 'building'
    | 'loading'
    | 'encoding'
    | 'done';
  /** In `unit`s. */
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'steps';
  /** Mean since the phase began. */
  readonly bytesPerSecond?: number;
  /** Where the bytes come from, or who is waited for. */
  readonly detail?: string;
}

export type OnProgress = (progress: Progress) => void;

/** ms between two reports of one task. */
const REPORT_EVERY_MS = 100;

/** Reports the bytes of one phase at a bearable rate; the first and the last report always come. */
export function byteReporter(
  onProgress: OnProgress,
  task: string,
  phase: 'checking' | 'downloading',
  options: { readonly start: number; readonly total?: number; readonly detail?: string },
): (done: number) => void {
  const began = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  const { start, total, detail } = options;
  return (done) => {
    const now = performance.now();
    if (now - last < REPORT_EVERY_MS && done !== total) return;
    last = now;
    const bytesPerSecond = now > began ? ((done - start) * 1000) / (now - began) : 0;
    onProgress({
      task,
      phase,
      done,
      unit: 'bytes',
      bytesPerSecond,
      ...(total !== undefined && { total }),
      ...(detail !== undefined && { detail }),
    });
  };
}
