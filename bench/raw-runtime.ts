import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What ONNX Runtime is given; what is left out is its own default, but for one thread. */
export interface RawSettings {
  readonly file: string;
  /** Rows in a run. */
  readonly rows: number;
  /** Columns of a text tower's ids; left out for an image tower of 224 pixels. */
  readonly columns?: number;
  /** Threads of a session. */
  readonly threads?: number;
  /** Sessions at the same time, each in a process of its own. */
  readonly sessions?: number;
  readonly graph?: 'disabled' | 'basic' | 'extended' | 'all';
  readonly spinning?: boolean;
  readonly arena?: boolean;
  /** Whether the tensors of a run are laid out in one block beforehand. */
  readonly pattern?: boolean;
}

/** ONNX Runtime in a bare loop, without a server around it. */
export class RawRuntime {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Resolves when every session is loaded and has been run once. */
  static async open(settings: RawSettings): Promise<RawRuntime> {
    const children = Array.from({ length: settings.sessions ?? 1 }, () =>
      fork(new URL('./raw.ts', import.meta.url), [JSON.stringify(settings)], {
        execArgv: ['--import', 'tsx'],
      }),
    );
    await Promise.all(children.map(answer));
    return new RawRuntime(children);
  }

  /** Items per second of all sessions together. */
  async measure(seconds: number): Promise<number> {
    const rates = this.#children.map((child) => {
      child.send(seconds);
      return answer(child);
    });
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#children.map((child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        return ended;
      }),
    );
  }
}

async function answer(child: ChildProcess): Promise<number> {
  const ended = new AbortController();
  const onExit = (code: number | null) => ended.abort(new Error(`raw.ts ended with ${code}`));
  child.once('exit', onExit);
  try {
    const [value] = (await once(child, 'message', { signal: ended.signal })) as [number];
    return value;
  } finally {
    child.off('exit', onExit);
  }
}
