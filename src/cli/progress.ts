import { MultiBar, type SingleBar } from 'cli-progress';
import type { OnProgress, Progress } from '../model/progress.ts';

export interface ProgressDisplay {
  readonly show: OnProgress;
  /** Leaves the terminal as it was; what has been printed stays. */
  close(): void;
}

export interface ProgressOptions {
  readonly stream: NodeJS.WriteStream;
  /** Takes a line where nobody watches; a log, for example. */
  readonly line: (text: string) => void;
  /** ms between two lines of one task. */
  readonly everyMs: number;
}

const BAR_COLUMNS = 30;

/** Bars on a terminal; in a pipe a line when a task's phase changes, every few seconds meanwhile, and at its end. */
export function createProgress(options: Partial<ProgressOptions> = {}): ProgressDisplay {
  const { stream = process.stderr, everyMs = 5000 } = options;
  const line = options.line ?? ((text: string) => void stream.write(`${text}\n`));
  return stream.isTTY ? bars(stream) : lines(line, everyMs);
}

function bars(stream: NodeJS.WriteStream): ProgressDisplay {
  const display = new MultiBar({
    stream,
    hideCursor: true,
    gracefulExit: false,
    format: (_options, _params, payload: { latest: Progress }) => drawBar(payload.latest),
  });
  const shown = new Map<string, { bar: SingleBar; latest: Progress }>();
  return {
    show(progress) {
      const known = shown.get(progress.task);
      if (!known && progress.phase === 'done') return;
      // The end of a task says nothing of its size: the bar keeps the last one.
      const latest =
        known && progress.phase === 'done' ? { ...known.latest, phase: progress.phase } : progress;
      const payload = { latest };
      const bar = known?.bar ?? display.create(latest.total ?? 0, latest.done, payload);
      bar.update(latest.done, payload);
      shown.set(progress.task, { bar, latest });
    },
    close() {
      if (shown.size > 0) display.stop();
    },
  };
}

function drawBar(progress: Progress): string {
  const share =
    progress.phase === 'done' ? 1 : progress.total ? Math.min(1, progress.done / progress.total) : 0;
  const full = Math.round(share * BAR_COLUMNS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_COLUMNS - full)} ${describeProgress(progress)}`;
}

function lines(line: (text: string) => void, everyMs: number): ProgressDisplay {
  const printed = new Map<string, { phase: Progress['phase']; at: number }>();
  return {
    show(progress) {
      const { task, phase } = progress;
      const last = printed.get(task);
      const now = performance.now();
      if (phase === 'done' ? !last : last?.phase === phase && now - last.at < everyMs) return;
      if (phase === 'done') printed.delete(task);
      else printed.set(task, { phase, at: now });
      line(describeProgress(progress));
    },
    close: () => printed.clear(),
  };
}

/** How far a command has come with its items: a bar with rate and time left on a terminal, nothing elsewhere. */
export function itemProgress(task: string, total: number | undefined) {
  const display = process.stderr.isTTY ? createProgress() : undefined;
  const began = performance.now();
  return {
    show(done: number): void {
      const detail = describePace(done, total, performance.now() - began);
      display?.show({ task, phase: 'encoding', done, ...(total && { total }), unit: 'steps', detail });
    },
    close: () => display?.close(),
  };
}

/** `12 per second, 3 min left`; `ms` since the first item began. */
export function describePace(done: number, total: number | undefined, ms: number): string {
  const perSecond = (done * 1000) / ms;
  const pace = `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} per second`;
  if (!total || done === 0) return pace;
  const seconds = Math.ceil((total - done) / perSecond);
  if (seconds < 100) return `${pace}, ${seconds} s left`;
  const minutes = Math.ceil(seconds / 60);
  return `${pace}, ${minutes < 100 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`} left`;
}

/** `ViT-B-32::openai visual.onnx: downloading, 120.0 MB of 351.4 MB (34 %), 11.2 MB/s, huggingface.co`. */
export function describeProgress(progress: Progress): string {
  const { task, phase, done, total, bytesPerSecond, detail } = progress;
  if (phase === 'done') return `${task}: done`;
  const amount = (count: number) => (progress.unit === 'bytes' ? megabytes(count) : String(count));
  const parts: string[] = [phase];
  if (total) parts.push(`${amount(done)} of ${amount(total)} (${Math.floor((done / total) * 100)} %)`);
  else if (done > 0) parts.push(amount(done));
  if (bytesPerSecond) parts.push(`${megabytes(bytesPerSecond)}/s`);
  if (detail) parts.push(detail);
  return `${task}: ${parts.join(', ')}`;
}

/** 351.4 MB, of 10⁶ bytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
