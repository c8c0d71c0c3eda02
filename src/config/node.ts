/** A YAML text as a tree whose every node knows where it was written. Scalars stay text until a key's type reads them. */
export interface Place {
  /** The file, URL, `stdin`, `argument` or `environment`. */
  readonly origin: string;
  /** 1-based; undefined where the origin has no lines. */
  readonly line?: number;
}

interface Written {
  readonly at: Place;
  /** The word of a tag such as `!CLIPEncoder`. */
  readonly tag?: string;
}

export interface ScalarNode extends Written {
  readonly kind: 'scalar';
  /** Replaced once, by variable substitution. */
  text: string;
  /** False where the text was quoted or is a block: it is then never null or a bare boolean word. */
  readonly plain: boolean;
}

export interface Entry {
  readonly key: string;
  readonly at: Place;
  readonly value: Node;
}

export interface MapNode extends Written {
  readonly kind: 'map';
  /** In the order of the file; of a key written twice only the last. */
  readonly entries: readonly Entry[];
}

export interface ListNode extends Written {
  readonly kind: 'list';
  readonly items: readonly Node[];
}

export type Node = ScalarNode | MapNode | ListNode;

const NULLS = new Set(['', '~', 'null', 'Null', 'NULL']);

export const isNull = (node: Node): boolean =>
  node.kind === 'scalar' && node.plain && node.tag === undefined && NULLS.has(node.text);

/** Keys are the same with `_` and `-`. */
export const canonical = (key: string): string => key.replaceAll('-', '_');

/** One line, at most 60 characters of it, with control characters escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** What came, for `expected …, got …`. */
export function describe(node: Node): string {
  if (node.kind === 'map') return 'a map';
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list';
  return isNull(node) ? 'nothing' : quote(node.text);
}
