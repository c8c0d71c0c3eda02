import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export const CLI = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname;

export interface Ran {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Takes the process once it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** `clip-server` as it is built, in a process of its own. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { stdin = '', env = process.env, cwd } = options;
  const child = spawn(process.execPath, [CLI, ...args], { env, cwd });
  options.onStart?.(child);
  child.stdin.end(stdin);
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

/** Of JSON lines. */
export function jsonLines<T>(out: string): T[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
