import type { Findings } from './findings.ts';
import { canonical, type MapNode, type Node, quote, type ScalarNode } from './node.ts';

/** References that follow each other: `a` names `b`, `b` names `c`, `c` names `d`. */
const MAX_HOPS = 3;
/** Characters that all references and variables of a file may come to, together. */
export const EXPANSION_LIMIT = 256 * 1024;

const REFERENCE =
  /\$\$|\$\{\{(?<inner>[^{}]{0,300})\}\}|\$\{(?<braced>[A-Za-z_]\w*)\}|\$(?<bare>[A-Za-z_]\w*)/g;

/**
 * Replaces variables in every scalar of the tree, in place:
 *
 * | Written | Becomes |
 * | --- | --- |
 * | `${{ ENV.X }}`, `${{ CONTEXT.X }}`, `${{ X }}` | the environment variable X; a fault where it is not set |
 * | `$X`, `${X}` | the environment variable X; unchanged where it is not set |
 * | `${{ root.a.b[0] }}`, `${{ this.x }}` | the scalar at that path, or beside this one |
 * | `$$` | `$` |
 *
 * What a variable holds is taken as it is: `$` in it means nothing.
 */
export function substitute(root: Node, environment: NodeJS.ProcessEnv, findings: Findings): void {
  const substitution = new Substitution(root, environment, findings);
  substitution.visit(root, undefined, '');
  substitution.apply();
}

interface Site {
  readonly parent: MapNode | undefined;
  readonly key: string;
}

class Substitution {
  readonly #root: Node;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #findings: Findings;
  readonly #sites = new Map<ScalarNode, Site>();
  readonly #expanded = new Map<ScalarNode, { text: string; hops: number }>();
  #room = EXPANSION_LIMIT;

  constructor(root: Node, environment: NodeJS.ProcessEnv, findings: Findings) {
    this.#root = root;
    this.#environment = environment;
    this.#findings = findings;
  }

  visit(node: Node, parent: MapNode | undefined, key: string): void {
    if (node.kind === 'list')
      node.items.forEach((item, index) => {
        this.visit(item, parent, `${key}[${index}]`);
      });
    else if (node.kind === 'map') {
      for (const entry of node.entries)
        this.visit(entry.value, node, key === '' ? entry.key : `${key}.${entry.key}`);
    } else if (node.text.includes('$')) this.#sites.set(node, { parent, key });
  }

  apply(): void {
    for (const node of this.#sites.keys()) this.#expand(node, 0);
    for (const [node, { text }] of this.#expanded) node.text = text;
  }

  /** The text with its references replaced, and how many references lie behind each other in it. */
  #expand(node: ScalarNode, depth: number): { text: string; hops: number } | undefined {
    const site = this.#sites.get(node);
    if (site === undefined) return { text: node.text, hops: 0 };
    const known = this.#expanded.get(node);
    if (known) return known;
    if (depth > MAX_HOPS) return undefined;
    let hops = 0;
    const text = node.text.replace(REFERENCE, (written, ...rest) => {
      const { inner, braced, bare } = rest.at(-1) as Record<string, string | undefined>;
      if (written === '$$') return '$';
      if (inner === undefined) return this.#environment[(braced ?? bare)!] ?? written;
      const found = this.#reference(inner.trim(), node, site, depth);
      hops = Math.max(hops, found.hops);
      return found.text;
    });
    this.#room -= text.length;
    if (this.#room < 0) {
      this.#fault(
        node,
        site,
        `expected variables to come to at most ${EXPANSION_LIMIT} characters in one file`,
      );
      return { text: '', hops: 0 };
    }
    const result = { text, hops };
    this.#expanded.set(node, result);
    return result;
  }

  #reference(inner: string, node: ScalarNode, site: Site, depth: number): { text: string; hops: number } {
    const nothing = { text: '', hops: 0 };
    const path = /^(root|this)([.[].*)$/.exec(inner);
    if (path) {
      const start = path[1] === 'root' ? this.#root : site.parent;
      const target = start && follow(start, path[2]!);
      if (target?.kind !== 'scalar') {
        this.#fault(node, site, `expected a key with one value after \${{, got ${quote(inner)}`);
        return nothing;
      }
      const expanded = this.#expand(target, depth + 1);
      if (expanded && depth + expanded.hops + 1 <= MAX_HOPS)
        return { text: expanded.text, hops: expanded.hops + 1 };
      this.#fault(
        node,
        site,
        `expected at most ${MAX_HOPS} references behind each other, got more from ${quote(inner)}`,
      );
      return nothing;
    }
    const name = /^(?:(?:ENV|env|CONTEXT|context)\.)?([A-Za-z_]\w*)$/.exec(inner)?.[1];
    const value = name === undefined ? undefined : this.#environment[name];
    if (value !== undefined) return { text: value, hops: 0 };
    const problem =
      name === undefined
        ? `expected ENV.NAME, root.PATH or this.KEY after \${{, got ${quote(inner)}`
        : `the environment variable ${name} is not set`;
    this.#fault(node, site, problem);
    return nothing;
  }

  #fault(node: ScalarNode, site: Site, text: string): void {
    this.#findings.fault(node.at, site.key || 'the flow', text);
  }
}

/** Walks `a.b[0]`; `_` and `-` are the same in a key. */
function follow(start: Node, path: string): Node | undefined {
  let node: Node | undefined = start;
  for (const step of path.matchAll(/\[(\d+)\]|\.?([^.[\]]+)|(.)/gs)) {
    const [, index, key] = step;
    if (index !== undefined) node = node?.kind === 'list' ? node.items[Number(index)] : undefined;
    else if (key !== undefined && node?.kind === 'map') {
      const wanted = canonical(key.trim());
      node = node.entries.find((entry) => canonical(entry.key) === wanted)?.value;
    } else return undefined;
  }
  return node;
}
