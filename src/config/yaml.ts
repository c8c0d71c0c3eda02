import {
  isAlias,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type ParsedNode,
  parseDocument,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { ConfigError } from './config.ts';
import { type Findings, joined } from './findings.ts';
import { type Entry, isNull, type Node, type Place, quote } from './node.ts';

/** Bytes of UTF-8 in a flow file, on stdin, or behind a URL. */
export const TEXT_LIMIT = 64 * 1024;
/** Nodes after aliases are followed: what a file of a few lines can grow to. */
export const NODE_LIMIT = 20_000;
/** Lists and maps inside each other. */
export const DEPTH_LIMIT = 64;

/**
 * Reads one YAML (or JSON) document. Scalars are kept as text (`failsafe`): what they mean depends on the key that they
 * stand at, so a quoted port is a port and an all-digit password a password. A key written twice counts once, the last.
 * Throws a ConfigError with line and column for broken syntax and for texts beyond the limits.
 */
export function parseYaml(text: string, origin: string, findings: Findings): Node {
  const bytes = Buffer.byteLength(text);
  if (bytes > TEXT_LIMIT)
    throw new ConfigError(`${origin}: expected at most ${TEXT_LIMIT} bytes, got ${bytes}`);
  const lines = new LineCounter();
  checkNesting(text, origin);
  const document = parseDocument(text, {
    schema: 'failsafe',
    version: '1.1',
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const where = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${origin}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  if (document.errors.length > 0)
    throw new ConfigError(joined(document.errors.map((e) => `${where(e.pos[0])}: ${e.message}`)));
  return new TreeBuilder(origin, lines, findings, anchorsOf(document.contents)).build(document.contents);
}

/** The parser recurses, so depth is measured on its tokens before it runs. */
function checkNesting(text: string, origin: string): void {
  let open = 0;
  let line = 1;
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') open++;
    else if (token === ']' || token === '}') open--;
    else if (token === '-' || token === '?') indicators++;
    if (open + indicators > DEPTH_LIMIT)
      throw new ConfigError(
        `${origin}:${line}:1: expected at most ${DEPTH_LIMIT} lists and maps in each other`,
      );
    const breaks = token.split('\n').length - 1;
    if (breaks > 0) indicators = 0;
    line += breaks;
  }
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
  readonly #origin: string;
  readonly #lines: LineCounter;
  readonly #findings: Findings;
  readonly #targets: Map<ParsedNode, ParsedNode>;
  readonly #open = new Set<ParsedNode>();
  #nodes = 0;

  constructor(origin: string, lines: LineCounter, findings: Findings, targets: Map<ParsedNode, ParsedNode>) {
    this.#origin = origin;
    this.#lines = lines;
    this.#findings = findings;
    this.#targets = targets;
  }

  build(node: ParsedNode | null): Node {
    if (node === null)
      return { kind: 'scalar', text: '', plain: true, at: { origin: this.#origin, line: 1 } };
    const at = this.#place(node);
    if (++this.#nodes > NODE_LIMIT)
      this.#stop(at, `expected at most ${NODE_LIMIT} values, got more, through its aliases`);
    if (isAlias(node)) {
      const target = this.#targets.get(node);
      if (target === undefined)
        return this.#stop(at, `the alias *${node.source} names nothing written above it`);
      return this.build(target);
    }
    if (isScalar(node)) return this.#scalar(node, at);
    if (this.#open.has(node)) return this.#stop(at, 'an alias stands inside the value that it names');
    if (this.#open.size >= DEPTH_LIMIT)
      return this.#stop(at, `expected at most ${DEPTH_LIMIT} lists and maps in each other`);
    this.#open.add(node);
    const tag = tagOf(node);
    const built: Node = isSeq(node)
      ? { kind: 'list', at, tag, items: node.items.map((item) => this.build(item as ParsedNode)) }
      : { kind: 'map', at, tag, entries: this.#entries(node as YAMLMap.Parsed) };
    this.#open.delete(node);
    return built;
  }

  #scalar(node: Scalar.Parsed, at: Place): Node {
    const plain = node.type === Scalar.PLAIN || node.type === undefined || node.type === null;
    const tag = tagOf(node);
    return {
      kind: 'scalar',
      text: String(node.value ?? ''),
      plain: plain && tag !== 'str',
      tag: tag === 'str' ? undefined : tag,
      at,
    };
  }

  #entries(map: YAMLMap.Parsed): Entry[] {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const { key, value } of map.items) {
      const at = this.#place(key as ParsedNode);
      const name = this.build(key as ParsedNode);
      if (name.kind !== 'scalar') return this.#stop(at, `expected a word as key, got a ${name.kind}`);
      const built: Node =
        value === null ? { kind: 'scalar', text: '', plain: true, at } : this.build(value as ParsedNode);
      if (name.text === '<<' && name.plain) this.#merge(built, merged);
      else {
        if (own.has(name.text))
          this.#findings.warn(at, quote(name.text), 'this key is written twice; the last one counts');
        own.set(name.text, { key: name.text, at, value: built });
      }
    }
    return [...new Map([...merged, ...own]).values()];
  }

  /** YAML 1.1's `<<`: keys of the named map (or maps, the first wins) that the map does not set itself. */
  #merge(value: Node, into: Map<string, Entry>): void {
    const sources = value.kind === 'list' ? value.items : [value];
    for (const source of sources) {
      if (source.kind === 'map') {
        for (const entry of source.entries) if (!into.has(entry.key)) into.set(entry.key, entry);
      } else if (!isNull(source)) this.#stop(value.at, 'expected a map after <<');
    }
  }

  #place(node: ParsedNode | null): Place {
    return { origin: this.#origin, line: Math.max(this.#lines.linePos(node?.range[0] ?? 0).line, 1) };
  }

  #stop(at: Place, text: string): never {
    throw new ConfigError(`${at.origin}:${at.line}: ${text}`);
  }
}

/** `!Word` → `Word`; `!!str` → `str`. */
function tagOf(node: ParsedNode): string | undefined {
  const tag = 'tag' in node ? node.tag : undefined;
  return tag?.replace(/^(tag:yaml\.org,2002:|!+)/, '');
}
