import {
  isAlias,
  isScalar,
  isSeq,
  type LineCounter,
  type ParsedNode,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { ConfigError } from './config.ts';
import type { Findings } from './findings.ts';
import { type Entry, isNull, type Node, type Place, quote } from './node.ts';

/** Nodes after aliases are followed: what a file of a few lines can grow to. */
export const NODE_LIMIT = 20_000;
/** Lists and maps inside each other. */
export const DEPTH_LIMIT = 64;

/** Offsets of one text as lines and columns. */
export class Position {
  readonly #origin: string;
  readonly #lines: LineCounter;

  constructor(origin: string, lines: LineCounter) {
    this.#origin = origin;
    this.#lines = lines;
  }

  place(offset: number): Place {
    return { origin: this.#origin, line: Math.max(this.#lines.linePos(offset).line, 1) };
  }

  /** `file:line:column`. */
  text(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#origin}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  }
}

/** The parser's document as a tree of values: aliases followed, merge keys applied, repeated keys told. */
export function buildTree(contents: ParsedNode | null, position: Position, findings: Findings): Node {
  return new TreeBuilder(position, findings, anchorsOf(contents)).build(contents);
}

/** Alias → the node that it names. An anchor may be set again, so this goes by the order of the file. */
function anchorsOf(contents: ParsedNode | null): Map<ParsedNode, ParsedNode> {
  const byName = new Map<string, ParsedNode>();
  const targets = new Map<ParsedNode, ParsedNode>();
  if (contents === null) return targets;
  visit(contents as never, {
    Node: (_, node) => {
      const parsed = node as ParsedNode;
      if (isAlias(parsed)) {
        const target = byName.get(parsed.source);
        if (target) targets.set(parsed, target);
      } else if (parsed.anchor !== undefined) byName.set(parsed.anchor, parsed);
    },
  });
  return targets;
}

class TreeBuilder {
  readonly #position: Position;
  readonly #findings: Findings;
  readonly #targets: Map<ParsedNode, ParsedNode>;
  readonly #open = new Set<ParsedNode>();
  #nodes = 0;

  constructor(position: Position, findings: Findings, targets: Map<ParsedNode, ParsedNode>) {
    this.#position = position;
    this.#findings = findings;
    this.#targets = targets;
  }

  build(node: ParsedNode | null): Node {
    if (node === null) return { kind: 'scalar', text: '', plain: true, at: this.#position.place(0) };
    const at = this.#position.place(node.range[0]);
    if (++this.#nodes > NODE_LIMIT)
      this.#stop(node, `expected at most ${NODE_LIMIT} values, got more, through its aliases`);
    if (isAlias(node)) {
      const target = this.#targets.get(node);
      if (target === undefined)
        return this.#stop(node, `the alias *${node.source} names nothing written above it`);
      return this.build(target);
    }
    if (isScalar(node)) return this.#scalar(node, at);
    if (this.#open.has(node)) return this.#stop(node, 'an alias stands inside the value that it names');
    if (this.#open.size >= DEPTH_LIMIT)
      return this.#stop(node, `expected at most ${DEPTH_LIMIT} lists and maps in each other`);
    this.#open.add(node);
    const tag = tagOf(node);
    const built: Node = isSeq(node)
      ? { kind: 'list', at, tag, items: node.items.map((item) => this.build(item as ParsedNode)) }
      : { kind: 'map', at, tag, entries: this.#entries(node as YAMLMap.Parsed) };
    this.#open.delete(node);
    return built;
  }

  #scalar(node: Scalar.Parsed, at: Place): Node {
    const plain = (node.type ?? Scalar.PLAIN) === Scalar.PLAIN && node.tag !== 'tag:yaml.org,2002:str';
    return { kind: 'scalar', text: String(node.value ?? ''), plain, tag: tagOf(node), at };
  }

  #entries(map: YAMLMap.Parsed): Entry[] {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const { key, value } of map.items) {
      const at = this.#position.place((key as ParsedNode).range[0]);
      const name = this.build(key as ParsedNode);
      if (name.kind !== 'scalar')
        return this.#stop(key as ParsedNode, `expected a word as key, got a ${name.kind}`);
      const built: Node =
        value === null ? { kind: 'scalar', text: '', plain: true, at } : this.build(value as ParsedNode);
      if (name.text === '<<' && name.plain) this.#merge(built, merged, key as ParsedNode);
      else {
        if (own.has(name.text))
          this.#findings.warn(at, quote(name.text), 'this key is written twice; the last one counts');
        own.set(name.text, { key: name.text, at, value: built });
      }
    }
    return [...new Map([...merged, ...own]).values()];
  }

  /** YAML 1.1's `<<`: keys of the named map (or maps, the first wins) that the map does not set itself. */
  #merge(value: Node, into: Map<string, Entry>, key: ParsedNode): void {
    const sources = value.kind === 'list' ? value.items : [value];
    for (const source of sources) {
      if (source.kind === 'map') {
        for (const entry of source.entries) if (!into.has(entry.key)) into.set(entry.key, entry);
      } else if (!isNull(source)) this.#stop(key, 'expected a map after <<');
    }
  }

  #stop(node: ParsedNode, text: string): never {
    throw new ConfigError(`${this.#position.text(node.range[0])}: ${text}`);
  }
}

/** `!Word` → `Word`; YAML's own tags such as `!!map` say nothing that the key does not. */
function tagOf(node: ParsedNode): string | undefined {
  const tag = 'tag' in node ? node.tag : undefined;
  return tag?.startsWith('tag:yaml.org,2002:') ? undefined : tag?.replace(/^!+/, '');
}
