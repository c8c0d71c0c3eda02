import type { Device } from './config.ts';
import {
  describe,
  type Entry,
  isNull,
  type MapNode,
  type Node,
  type Place,
  type ScalarNode,
} from './node.ts';

/** How a key's value is written and what it becomes. */
export interface ValueType<T> {
  /** Completes "expected …". */
  readonly expected: string;
  /** True where the empty text is a value; elsewhere it means that the key is not set. */
  readonly takesEmpty?: boolean;
  /** The value, or undefined where the node is something else; `warn` takes a remark on a value that is accepted. */
  read(node: Node, warn: (remark: string) => void): T | undefined;
  /** The part of a node that makes it something else; undefined where that is the whole. */
  culprit?(node: Node): Node | undefined;
}

/** A type that is read from one scalar's text. */
function scalar<T>(
  expected: string,
  read: (text: string, node: ScalarNode, warn: (remark: string) => void) => T | undefined,
): ValueType<T> {
  return {
    expected,
    read: (node, warn) => (node.kind === 'scalar' ? read(node.text, node, warn) : undefined),
  };
}

export const TEXT: ValueType<string> = { ...scalar('text', (text) => text), takesEmpty: true };
export const WORD: ValueType<string> = scalar('text', (text) => text.trim() || undefined);
export const FILE: ValueType<string> = scalar('a path', (text) => (text.includes('\0') ? undefined : text));
export const ANY: ValueType<Node> = { expected: 'any value', read: (node) => node };
/** A variable whose presence counts, whatever it holds. */
export const PRESENCE: ValueType<true> = { ...scalar<true>('any text', () => true), takesEmpty: true };

/** YAML 1.1's words but `on` and `off`, which the reference does not take either. */
export const BOOLEAN: ValueType<boolean> = scalar('true or false', (text, { plain }, warn) => {
  if (/^(true|True|TRUE)$/.test(text) || (plain && /^(yes|Yes|YES)$/.test(text))) return true;
  if (/^(false|False|FALSE)$/.test(text) || (plain && /^(no|No|NO)$/.test(text))) return false;
  if (text !== '0' && text !== '1') return undefined;
  warn(`${text} is taken as ${text === '1'}; write true or false`);
  return text === '1';
});

/** A whole number, in decimal (`_` between digits allowed) or hexadecimal; quotes make no difference. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return scalar(`an integer ${range}`, (text) => {
    const digits = text.trim().replace(/^(['"])(.*)\1$/, '$2');
    if (!/^([-+]?\d+(_\d+)*|0x[0-9a-fA-F]+)$/.test(digits)) return undefined;
    const value = Number(digits.replaceAll('_', ''));
    return value >= least && value <= most ? value : undefined;
  });
}

/** One of some words, in any letter case; `hints` maps words that mean one of them, with a remark. */
export function choice<T extends string>(
  words: readonly T[],
  hints: Readonly<Record<string, T>> = {},
): ValueType<T> {
  return scalar(`one of ${words.join(', ')}`, (text, _, warn) => {
    const wanted = text.trim().toLowerCase();
    const word = words.find((candidate) => candidate.toLowerCase() === wanted);
    if (word !== undefined) return word;
    if (!Object.hasOwn(hints, wanted)) return undefined;
    warn(`${wanted} is taken as ${hints[wanted]}`);
    return hints[wanted];
  });
}

/** A list; one value alone, `[a, b]` as text, and `a,b` are lists too. */
export function listOf<T>(type: ValueType<T>): ValueType<readonly T[]> {
  const readItem = (item: Node, warn: (remark: string) => void) =>
    isNull(item) ? undefined : type.read(item, warn);
  return {
    expected: `${type.expected}, or a list of these`,
    read(node, warn) {
      const values = itemsOf(node)?.map((item) => readItem(item, warn));
      return values?.every((value) => value !== undefined) ? (values as T[]) : undefined;
    },
    culprit: (node) => itemsOf(node)?.find((item) => readItem(item, () => {}) === undefined),
  };
}

/** Says what the node is in place of the type, and where: `at`, or the line of the one item of a list that is wrong. */
export function mismatch(type: ValueType<unknown>, node: Node, at: Place): [at: Place, text: string] {
  const culprit = type.culprit?.(node);
  return [culprit?.at ?? at, `expected ${type.expected}, got ${describe(culprit ?? node)}`];
}

/** A list of texts that no message may quote: whatever stands in it is taken here, and judged where it is read. */
export const SECRETS: ValueType<readonly string[]> = {
  expected: 'a key, or a list of these',
  takesEmpty: true,
  read: (node) =>
    itemsOf(node)?.map((item) => (item.kind === 'scalar' && !isNull(item) ? item.text.trim() : '')),
};

function itemsOf(node: Node): readonly Node[] | undefined {
  if (node.kind === 'list') return node.items;
  if (node.kind === 'map') return undefined;
  const inside = node.text
    .trim()
    .replace(/^\[(.*)\]$/s, '$1')
    .trim();
  if (inside === '') return [];
  return inside.split(',').map((part) => ({ ...node, text: part.trim().replace(/^(['"])(.*)\1$/, '$2') }));
}

/** A map; also the list of `KEY: VALUE` lines that a command line would carry. */
export const MAP: ValueType<MapNode> = {
  expected: 'a map',
  read(node) {
    if (node.kind === 'map') return node;
    if (node.kind !== 'list') return undefined;
    const entries: Entry[] = [];
    for (const item of node.items) {
      const pair = item.kind === 'scalar' ? /^\s*([\w.-]+)\s*:\s*(.*)$/s.exec(item.text) : null;
      if (item.kind === 'map') entries.push(...item.entries);
      else if (pair)
        entries.push({ key: pair[1]!, at: item.at, value: { ...(item as ScalarNode), text: pair[2]! } });
      else return undefined;
    }
    return { kind: 'map', at: node.at, entries };
  },
};

export const DEVICE: ValueType<Device> = scalar('cpu, cuda or cuda:N', (text) => {
  const match = /^(cpu|cuda)(?::(\d{1,4}))?$/.exec(text.trim());
  if (!match || (match[1] === 'cpu' && Number(match[2] ?? 0) !== 0)) return undefined;
  return { kind: match[1] as 'cpu' | 'cuda', index: Number(match[2] ?? 0) };
});

/** DocArray's path over a document's tree, as far as this server walks it: chains of root, chunks and matches. */
export const ACCESS_PATHS: ValueType<string> = scalar('paths such as @r, @c or @r,cm', (text) => {
  const path = text.replaceAll(/\s/g, '');
  return /^@[rcm]+(,[rcm]+)*$/.test(path) ? path : undefined;
});
