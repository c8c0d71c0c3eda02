import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { lock } from 'proper-lockfile';

/** Versions for which the pins have packages, the one they were tried with most first. */
const MINORS = ['3.11', '3.10', '3.12', '3.13'];
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'clip-server-python');
const RETRY_MS = 200;
const RETRIES = 3000;
const INSTALL_MS = 600_000;
/** Characters of an installer's output that an error quotes. */
const QUOTED = 2000;

/**
 * The Python of a virtual environment that holds exactly the packages of a requirements file. Kept between runs in the
 * user's cache; runs that ask at once share one making, and an environment whose making was cut off is made anew.
 *
 * @param minors Python versions to choose from, best first
 * @throws Error where no such Python is found, or the packages cannot be installed
 */
export async function pythonWith(requirements: string, minors: readonly string[] = MINORS): Promise<string> {
  const pins = await readFile(requirements);
  const digest = createHash('sha256').update(pins).update(minors.join()).digest('hex').slice(0, 12);
  const folder = join(CACHE, `${basename(requirements, '.txt')}-${digest}`);
  const python = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  const present = () => existsSync(complete) && existsSync(python);
  if (present()) return python;
  await mkdir(CACHE, { recursive: true });
  const release = await lock(folder, {
    realpath: false,
    retries: { retries: RETRIES, factor: 1, minTimeout: RETRY_MS, maxTimeout: RETRY_MS },
  });
  try {
    if (!present()) {
      await rm(folder, { recursive: true, force: true });
      await install(folder, requirements, minors);
      await writeFile(complete, '');
    }
  } finally {
    await release();
  }
  return python;
}

/** Why a test has no Python, for its `skip`; then `python` is empty. */
export interface PythonOrSkip {
  readonly python: string;
  readonly skip: string | false;
}

/** As `pythonWith`, for tests. @throws Error as `pythonWith`, but only where CLIP_SERVER_REQUIRE_PYTHON is set */
export async function pythonOrSkip(requirements: string): Promise<PythonOrSkip> {
  try {
    return { python: await pythonWith(requirements), skip: false };
  } catch (error) {
    if (process.env.CLIP_SERVER_REQUIRE_PYTHON) throw error;
    return { python: '', skip: `no Python with ${basename(requirements)}: ${(error as Error).message}` };
  }
}

/** The lists hold every package, so nothing is resolved; one of them was withdrawn, which an exact pin allows. */
async function install(folder: string, requirements: string, minors: readonly string[]): Promise<void> {
  const base = await findPython(minors);
  const python = join(folder, 'bin', 'python');
  if (await works('uv')) {
    await run('uv', ['venv', '--quiet', '--python', base, folder]);
    await run('uv', ['pip', 'install', '--quiet', '--no-deps', '--python', python, '-r', requirements]);
  } else {
    await run(base, ['-m', 'venv', folder]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements]);
  }
}

async function findPython(minors: readonly string[]): Promise<string> {
  const print = 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)';
  for (const name of [...minors.map((minor) => `python${minor}`), 'python3', 'python']) {
    const [minor, path] = ((await output(name, ['-c', print])) ?? '').trim().split(' ');
    if (minor !== undefined && path !== undefined && minors.includes(minor)) return path;
  }
  for (const minor of minors) {
    const path = (await output('uv', ['python', 'find', '--no-python-downloads', minor]))?.trim();
    if (path) return path;
  }
  throw new Error(`expected Python ${minors.join(', ')} on the PATH, found none`);
}

const works = async (command: string): Promise<boolean> =>
  (await output(command, ['--version'])) !== undefined;

async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(command, args)).stdout;
  } catch {
    return undefined;
  }
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_MS,
  });
  let text = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-QUOTED);
    });
  const [code, signal] = await once(child, 'close');
  if (code !== 0)
    throw new Error(
      `${command} ${args.join(' ')}: expected exit code 0, got ${code ?? signal}: ${text.trim()}`,
    );
}
