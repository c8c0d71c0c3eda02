import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from './config.ts';
import { quote } from './node.ts';
import { TEXT_LIMIT } from './yaml.ts';

/** The folder of the built-in flows; the same from `src/config` and from `dist/config`. */
export const BUILT_IN_FOLDER = resolve(import.meta.dirname, '../../flows');
/** Of this program: what it brings besides flows lies below it. */
export const PACKAGE_FOLDER = resolve(BUILT_IN_FOLDER, '..');
export const BUILT_IN_FLOWS: readonly string[] = ['torch-flow.yml', 'onnx-flow.yml', 'tensorrt-flow.yml'];
/** Milliseconds for a flow behind a URL, with redirects. */
const FETCH_MS = 10_000;

export interface FlowSource {
  /** A built-in name, a path, a URL, or the flow itself as YAML or JSON; absent means torch-flow.yml. */
  readonly argument?: string;
  /** The flow as read from stdin; comes before `argument`. */
  readonly stdin?: string;
}

export interface FlowText {
  readonly text: string;
  readonly origin: string;
  /** Where files that the flow names are looked for first. */
  readonly directory: string;
  readonly notice?: string;
}

/**
 * Finds the flow: built-in name, absolute path, working directory, package directory, URL, or the text itself, in that
 * order. `./torch-flow.yml` is a file of the working directory. Throws a ConfigError that names the places searched.
 */
export async function loadSource(source: FlowSource, cwd: string, signal?: AbortSignal): Promise<FlowText> {
  const { stdin, argument = BUILT_IN_FLOWS[0]! } = source;
  if (stdin !== undefined) return { text: stdin, origin: 'stdin', directory: cwd };
  if (argument.trim() === '') throw new ConfigError('argument: expected a flow file, got an empty text');
  if (BUILT_IN_FLOWS.includes(argument)) return builtIn(argument, cwd, signal);
  if (/^https?:\/\//i.test(argument))
    return { text: await download(argument, signal), origin: argument, directory: cwd };
  const places = isAbsolute(argument) || /^\.{1,2}[/\\]/.test(argument) ? [cwd] : [cwd, BUILT_IN_FOLDER];
  const file = await findFile(argument, places);
  if (file !== undefined) {
    const shadows = BUILT_IN_FLOWS.includes(argument.replace(/^\.[/\\]/, ''));
    const notice = shadows
      ? `${file} is loaded; the reference server would load its built-in flow`
      : undefined;
    return { text: await readText(file, signal), origin: argument, directory: dirname(file), notice };
  }
  if (looksLikeFlow(argument)) return { text: argument, origin: 'argument', directory: cwd };
  const searched = isAbsolute(argument) ? dirname(argument) : places.join(', ');
  throw new ConfigError(
    `${quote(argument)}: no such flow file; searched the built-in flows (${BUILT_IN_FLOWS.join(', ')}) and ${searched}`,
  );
}

async function builtIn(name: string, cwd: string, signal?: AbortSignal): Promise<FlowText> {
  const local = await findFile(name, [cwd]);
  const file = join(BUILT_IN_FOLDER, name);
  const shadowed = local !== undefined && local !== file;
  const notice = shadowed
    ? `the built-in ${name} is loaded; write ./${name} for the file in ${cwd}`
    : undefined;
  return {
    text: await readText(file, signal),
    origin: `built-in ${name}`,
    directory: BUILT_IN_FOLDER,
    notice,
  };
}

/** The first of the directories' files of this name that exists; an absolute path stands for itself. */
export async function findFile(name: string, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const path = resolve(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory())
      throw new ConfigError(`${quote(name)}: expected a flow file, got a directory (${path})`);
    if (found) return path;
  }
  return undefined;
}

/** Reads a file of at most TEXT_LIMIT bytes; it may be a pipe. */
export async function readText(path: string, signal?: AbortSignal): Promise<string> {
  try {
    return await decode(createReadStream(path, { signal }), path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function download(url: string, signal?: AbortSignal): Promise<string> {
  const late = new AbortController();
  // Node 20 collects an AbortSignal.timeout that only AbortSignal.any knows, which then never fires.
  const timer = setTimeout(() => late.abort(new Error(`it took longer than ${FETCH_MS / 1000} s`)), FETCH_MS);
  try {
    const limited = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    const answer = await fetch(url, { signal: limited });
    if (!answer.ok) throw new ConfigError(`${url}: expected status 200, got ${answer.status}`);
    return answer.body ? await decode(answer.body, url) : '';
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { message, cause } = error as Error;
    throw new ConfigError(`${url}: cannot be loaded: ${cause instanceof Error ? cause.message : message}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Collects UTF-8 (with or without a byte order mark); leaving the loop early closes the stream. */
async function decode(chunks: AsyncIterable<Uint8Array>, from: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > TEXT_LIMIT) throw new ConfigError(`${from}: expected at most ${TEXT_LIMIT} bytes, got more`);
    parts.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new ConfigError(`${from}: expected UTF-8, got other bytes`);
  }
}

const looksLikeFlow = (text: string) => /\n|^\s*[{!]|^\s*["']?[\w-]+["']?\s*:(\s|$)/.test(text);
