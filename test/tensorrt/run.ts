import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(import.meta.dirname, '../..');
const LAUNCH = resolve(ROOT, 'dist/cli/launch.cjs');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

function ended(args: readonly string[], libraryPath: string): Promise<Ended> {
  const env = { ...process.env, LD_LIBRARY_PATH: libraryPath };
  return new Promise((done) => {
    const child = execFile(process.execPath, args, { cwd: ROOT, env }, (_, out, err) =>
      done({ code: child.exitCode, signal: child.signalCode, out, err }),
    );
  });
}

/** The built command, where the loader looks in `libraryPath` first. */
export function command(args: readonly string[], libraryPath: string): Promise<Ended> {
  return ended([LAUNCH, ...args], libraryPath);
}

/** A program of ECMAScript that may import TypeScript of src, in a process that may fall over. */
export function program(text: string, libraryPath: string): Promise<Ended> {
  return ended(['--import', 'tsx', '--input-type=module', '-e', text], libraryPath);
}

export interface Served {
  /** All that it logged until it had ended. */
  readonly log: readonly string[];
  readonly code: number | null;
}

/** Serves the flow, and ends it by SIGTERM once `use` is done with its HTTP port. */
export async function serving(
  flow: string,
  libraryPath: string,
  use: (url: string) => Promise<void>,
): Promise<Served> {
  const env = { ...process.env, LD_LIBRARY_PATH: libraryPath };
  const child = spawn(process.execPath, [LAUNCH, flow], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = once(child, 'exit');
  const log: string[] = [];
  const logged = once(
    createInterface({ input: child.stderr }).on('line', (line) => log.push(line)),
    'close',
  );
  try {
    const url = await new Promise<string>((found, failed) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const port = /Local: 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port) found(`http://127.0.0.1:${port}`);
      });
      void end.then(() => failed(new Error(`the server ended before it was ready: ${log.join('\n')}`)));
    });
    await use(url);
  } finally {
    child.kill('SIGTERM');
  }
  const [code] = await end;
  await logged;
  return { log, code };
}
