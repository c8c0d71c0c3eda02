import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { ConfigError } from '../config/config.ts';

/** Extensions that are looked for in folders and by patterns. A file that is named is taken whatever its name. */
const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp']);

/**
 * The named files, the pictures in the named folders, and those that patterns match; in the order of the names.
 *
 * @throws ConfigError for a name of nothing, and where there is no picture at all
 */
export async function namedPictures(
  names: readonly string[],
  onUnreadable: WalkOptions['onUnreadable'] = fail,
): Promise<string[]> {
  const files: string[] = [];
  const add = async (found: AsyncIterable<string>) => {
    for await (const file of found) files.push(file);
  };
  for (const name of names) {
    const kind = await kindOf(name);
    if (kind === 'folder') await add(picturesIn(name, { onUnreadable }));
    else if (kind === 'pattern') await add(matching(name, onUnreadable));
    else files.push(name);
  }
  if (files.length === 0)
    throw new ConfigError(`expected pictures in ${names.join(', ')}, found no ${[...EXTENSIONS].join(' ')}`);
  return files;
}

export interface WalkOptions {
  /** Levels of folders, the first included; default all. */
  readonly levels?: number | undefined;
  /** Called for a folder that cannot be read, which is then left out; by default its error ends the walk. */
  readonly onUnreadable?: ((folder: string, error: Error) => void) | undefined;
}

/**
 * Pictures in a folder and those below it, sorted within each, so that two walks meet them in one order. Hidden files and
 * folders are left out, and so are links to folders, which might lead round in a circle, and what is no file, such as a pipe.
 */
export async function* picturesIn(folder: string, options: WalkOptions = {}): AsyncGenerator<string> {
  const { levels = Number.POSITIVE_INFINITY, onUnreadable = fail } = options;
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    onUnreadable(folder, error);
    return [];
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (levels > 1) yield* picturesIn(path, { levels: levels - 1, onUnreadable });
    } else if (entry.isFile() || entry.isSymbolicLink())
      if (EXTENSIONS.has(extname(entry.name).toLowerCase())) yield path;
  }
}

function fail(_folder: string, error: Error): never {
  throw error;
}

const MAGIC = /[*?[{]/;

/** A file's own name may look like a pattern. @throws ConfigError */
async function kindOf(name: string): Promise<'folder' | 'file' | 'pattern'> {
  try {
    return (await stat(name)).isDirectory() ? 'folder' : 'file';
  } catch (cause) {
    if (MAGIC.test(name)) return 'pattern';
    throw new ConfigError(`expected a file, got ${name}: ${(cause as Error).message}`, { cause });
  }
}

/** For shells that leave patterns as they are: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any folders. */
async function* matching(pattern: string, onUnreadable: WalkOptions['onUnreadable']): AsyncGenerator<string> {
  const parts = pattern.split('/');
  const first = parts.findIndex((part) => MAGIC.test(part));
  const base = parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const rest = parts.slice(first);
  const expression = expressionOf(rest.join('/'));
  const levels = rest.includes('**') ? Number.POSITIVE_INFINITY : rest.length;
  for await (const file of picturesIn(base, { levels, onUnreadable }))
    if (expression.test(relative(base, file))) yield file;
}

/** Either a wildcard, whose own meaning stands in the table, or a character that stands for itself. */
const TOKENS = /\*\*\/|(?<![^/])\*\*$|\*+|\?|\[[^\]]+\]|\{[^{}]*\}|./gs;

function expressionOf(pattern: string): RegExp {
  const translate = (token: string): string => {
    if (token === '**/') return '(?:[^/]+/)*';
    if (token === '**') return '.*';
    if (token.startsWith('*')) return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.length > 2 && token.startsWith('['))
      return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    if (token.length > 1 && token.startsWith('{'))
      return `(?:${token.slice(1, -1).split(',').map(expressionSource).join('|')})`;
    return token.replace(/[\\^$.|+()[\]{}*?]/, '\\$&');
  };
  const expressionSource = (text: string) => (text.match(TOKENS) ?? []).map(translate).join('');
  return new RegExp(`^${expressionSource(pattern)}$`);
}
