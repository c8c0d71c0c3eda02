import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Input } from '../../client/node.ts';
import { ConfigError } from '../../config/config.ts';
import { namedPictures, type WalkOptions } from '../pictures.ts';

/** One thing to encode, with where it came from. */
export interface EncodeItem {
  readonly input: Input;
  /** As it stands in the output beside the vector. */
  readonly label: { readonly text: string } | { readonly file: string };
  /** For messages: `line 3 of names.txt`. */
  readonly place: string;
  /** What must be the same when a run is continued. */
  readonly identity: string;
}

export interface EncodeItems {
  readonly items: AsyncIterable<EncodeItem>;
  /** Where it is known before the end. */
  readonly total?: number;
}

/** Characters of a line; what is longer is no list of texts. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** The lines of the named files, or of standard input. @throws ConfigError for one that is not there */
export async function textItems(names: readonly string[], stdin: Readable): Promise<EncodeItems> {
  for (const name of names) await checkThere(name);
  async function* items() {
    for await (const { text, place } of allLines(names, stdin))
      yield { input: { text }, label: { text }, place, identity: text };
  }
  return { items: items() };
}

/** The named files, those in the named folders and of patterns, or those whose names standard input holds. @throws ConfigError */
export async function imageItems(
  names: readonly string[],
  stdin: Readable,
  onUnreadable?: WalkOptions['onUnreadable'],
): Promise<EncodeItems> {
  if (isStdin(names)) return { items: namedImages(stdin) };
  const files = await namedPictures(names, onUnreadable);
  async function* items() {
    for (const file of files) yield imageItem(file, file);
  }
  return { items: items(), total: files.length };
}

async function* namedImages(stdin: Readable): AsyncGenerator<EncodeItem> {
  for await (const { text, place } of allLines([], stdin)) yield imageItem(text, `${place}, ${text}`);
}

async function imageItem(file: string, place: string): Promise<EncodeItem> {
  // A file that is not there is told when its turn comes.
  const found = await stat(file).catch(() => undefined);
  const identity = JSON.stringify([file, found?.size, found?.mtimeMs]);
  return { input: { file }, label: { file }, place, identity };
}

async function checkThere(name: string): Promise<void> {
  if (name === '-') return;
  await stat(name).catch((cause: Error) => {
    throw new ConfigError(`expected a file, got ${name}: ${cause.message}`, { cause });
  });
}

function isStdin(names: readonly string[]): boolean {
  return names.length === 0 || (names.length === 1 && names[0] === '-');
}

/** Of the named files, or of standard input. */
export async function* allLines(names: readonly string[], stdin: Readable) {
  for (const name of names.length === 0 ? ['-'] : names) {
    const title = name === '-' ? 'standard input' : name;
    let line = 0;
    for await (const text of lines(name === '-' ? stdin : createReadStream(name), title)) {
      line += 1;
      yield { text, place: `line ${line} of ${title}` };
    }
  }
}

/** Without their ends, `\n` or `\r\n`. @throws ConfigError for what is not UTF-8: it would be another text */
async function* lines(source: AsyncIterable<Uint8Array>, title: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let count = 0;
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw new ConfigError(`expected UTF-8 in ${title}, got other bytes after line ${count}`, { cause });
    }
  };
  for await (const chunk of source) {
    const parts = (rest + decode(chunk)).split('\n');
    rest = parts.pop()!;
    if (rest.length > LONGEST_LINE)
      throw new ConfigError(
        `expected lines of at most ${LONGEST_LINE} characters in ${title}, got a longer one`,
      );
    for (const part of parts) {
      count += 1;
      yield part.endsWith('\r') ? part.slice(0, -1) : part;
    }
  }
  rest += decode();
  if (rest !== '') yield rest;
}
