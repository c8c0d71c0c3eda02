import type { Findings } from './findings.ts';
import { canonical, describe, isNull, type Node, type Place, quote } from './node.ts';
import { nearest } from './spelling.ts';
import { mismatch, type ValueType } from './values.ts';

/** A row of the table of keys. `D` is `undefined` where a key has no default of its own. */
export interface Key<T, D> {
  /** Honoured: it lands in `Config`, or decides something there. Accepted: it is understood and has no effect. */
  readonly status: 'honoured' | 'accepted';
  readonly type: ValueType<T>;
  readonly fallback: D;
  /** What an honoured key does; why an accepted key has no effect. */
  readonly note: string;
  readonly aliases: readonly string[];
  /** The default in words, where it is worked out at start. */
  readonly defaultNote?: string;
  /** An accepted key that is not worth a warning. */
  readonly silent: boolean;
}

export type Table = Readonly<Record<string, Key<unknown, unknown>>>;
type Value<K> = K extends Key<infer T, unknown> ? T : never;
type Fallback<K> = K extends Key<unknown, infer D> ? D : never;

interface Extra {
  readonly aliases?: readonly string[];
  readonly defaultNote?: string;
  readonly silent?: boolean;
}

export function honoured<T>(
  type: ValueType<T>,
  fallback: undefined,
  note: string,
  extra?: Extra,
): Key<T, undefined>;
export function honoured<T>(type: ValueType<T>, fallback: NoInfer<T>, note: string, extra?: Extra): Key<T, T>;
export function honoured<T>(
  type: ValueType<T>,
  fallback: T | undefined,
  note: string,
  extra: Extra = {},
): Key<T, T | undefined> {
  return { status: 'honoured', type, fallback, note, aliases: [], silent: false, ...extra };
}

/** No warning is given where the value is the fallback: it asks for nothing. */
export function accepted<T>(
  type: ValueType<T>,
  fallback: NoInfer<T> | undefined,
  note: string,
  extra: Extra = {},
): Key<T, T | undefined> {
  return { status: 'accepted', type, fallback, note, aliases: [], silent: false, ...extra };
}

/** A value that the user wrote, and where. */
export interface Given<T> {
  readonly value: T;
  readonly at: Place;
  /** The key as a path from the top of the file. */
  readonly key: string;
}

/** The values of one mapping, each of the type that its table says. */
export class Section<T extends Table> {
  readonly #table: T;
  readonly #given: ReadonlyMap<string, Given<unknown>>;

  constructor(table: T, given: ReadonlyMap<string, Given<unknown>>) {
    this.#table = table;
    this.#given = given;
  }

  /** The written value, else the key's default. */
  get<K extends keyof T & string>(name: K): Value<T[K]> | Fallback<T[K]> {
    const given = this.given(name);
    return given ? given.value : (this.#table[name]!.fallback as Fallback<T[K]>);
  }

  given<K extends keyof T & string>(name: K): Given<Value<T[K]>> | undefined {
    return this.#given.get(name) as Given<Value<T[K]>> | undefined;
  }

  /** This section's values, and those of `base` that it does not set. */
  over(base: Section<T>): Section<T> {
    return new Section(this.#table, new Map([...base.#given, ...this.#given]));
  }
}

/**
 * Reads a mapping by its table. A wrong value is a fault; an unknown key, a key without effect, and a key written under
 * two names are warnings. `elsewhere` says where a key belongs that is unknown here.
 */
export function readSection<T extends Table>(
  table: T,
  node: Node | undefined,
  path: string,
  findings: Findings,
  elsewhere: (key: string) => string | undefined = () => undefined,
): Section<T> {
  const given = new Map<string, Given<unknown>>();
  if (node === undefined || isNull(node)) return new Section(table, given);
  if (node.kind !== 'map') {
    findings.fault(node.at, path || 'the flow', `expected a map, got ${describe(node)}`);
    return new Section(table, given);
  }
  const names = new Map(
    Object.entries(table).flatMap(([name, { aliases }]) => [name, ...aliases].map((alias) => [alias, name])),
  );
  for (const { key: written, at, value } of node.entries) {
    const key = `${path}${path && '.'}${safe(written)}`;
    const name = names.get(canonical(written));
    if (name === undefined)
      findings.warn(at, key, `unknown key, ignored${advice(written, names.keys(), elsewhere)}`);
    else readEntry(table[name]!, name, { value, at, key }, given, findings);
  }
  return new Section(table, given);
}

function readEntry(
  row: Key<unknown, unknown>,
  name: string,
  entry: Given<Node>,
  given: Map<string, Given<unknown>>,
  findings: Findings,
): void {
  const { value: node, at, key } = entry;
  if (isNull(node) || (node.kind === 'scalar' && node.text === '' && !node.tag && !row.type.takesEmpty))
    return;
  const value = row.type.read(node, (remark) => findings.warn(at, key, remark));
  if (value === undefined) {
    const [where, text] = mismatch(row.type, node, at);
    findings.fault(where, key, text);
    return;
  }
  const other = given.get(name);
  if (other) findings.warn(at, key, `stands for the same as ${other.key}; the last one counts`);
  given.set(name, { value, at, key });
  const effect =
    row.status === 'honoured' || row.silent || JSON.stringify(value) === JSON.stringify(row.fallback);
  if (!effect) findings.warn(at, key, `accepted without effect: ${row.note}`);
}

function advice(
  written: string,
  names: Iterable<string>,
  elsewhere: (key: string) => string | undefined,
): string {
  const home = elsewhere(canonical(written));
  if (home !== undefined) return `; it belongs under ${home}`;
  const near = nearest(canonical(written), names);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** A key from the file, safe to print. */
const safe = (key: string) => (/^[\w./@-]{1,60}$/.test(key) ? key : quote(key));
