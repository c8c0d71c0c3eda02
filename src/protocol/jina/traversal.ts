import { ClipError } from '../../errors.ts';
import type { Document } from './document.ts';

/** One step of a path: roots, chunks or matches, and which of them. */
interface Step {
  readonly selector: 'r' | 'c' | 'm';
  readonly slice?: Slice;
}

interface Slice {
  readonly start?: number;
  readonly end?: number;
  readonly step: number;
}

const STEP = /([rcm])(?:\[([-\d:]+)\]|([-\d:]+))?/y;

/**
 * docarray's access paths: `@` and comma-separated paths of `r`, `c`, `m`, each with an optional slice (`[0]`,
 * `[0:2]`, `0:2`, `[::-1]`). Documents come path by path, each once.
 *
 * docarray 0.21 selects nothing for a lone negative index, because it reads `[-1]` as `[-1:0]`; here it selects
 * that element, as indexing does elsewhere.
 *
 * @throws ClipError invalid_request for anything else, multimodal fields (`.[name]`) included
 */
export function selectDocuments(roots: readonly Document[], paths: unknown): Document[] {
  const selected = new Set<Document>();
  for (const path of parsePaths(paths)) {
    let level = [...roots];
    for (const step of path) level = follow(level, step);
    for (const document of level) selected.add(document);
  }
  return [...selected];
}

function follow(level: Document[], { selector, slice }: Step): Document[] {
  if (selector === 'r') return cut(level, slice);
  const field = selector === 'c' ? 'chunks' : 'matches';
  return level.flatMap((document) => cut(document[field] ?? [], slice));
}

function parsePaths(paths: unknown): Step[][] {
  if (typeof paths !== 'string') throw invalid(`expected access paths as a string, got ${typeof paths}`);
  if (!paths.startsWith('@'))
    throw invalid(
      `expected access paths that start with @, for example @r; got ${JSON.stringify(paths.slice(0, 80))}`,
    );
  return paths.slice(1).replace(/\s+/g, '').split(',').map(parsePath);
}

function parsePath(path: string): Step[] {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  let end = 0;
  for (let match = STEP.exec(path); match; match = STEP.exec(path)) {
    const bounds = match[2] ?? match[3];
    steps.push({
      selector: match[1] as Step['selector'],
      slice: bounds === undefined ? undefined : parseSlice(bounds),
    });
    end = STEP.lastIndex;
  }
  if (steps.length === 0 || end !== path.length)
    throw invalid(
      `expected steps of r, c or m with optional slices, got ${JSON.stringify(path.slice(0, 80))}`,
    );
  return steps;
}

function parseSlice(text: string): Slice {
  const parts = text.split(':');
  if (parts.length > 3 || parts.some((part) => !/^(-?\d+)?$/.test(part)))
    throw invalid(`expected a slice start:end:step, got ${JSON.stringify(text.slice(0, 80))}`);
  const [start, end, step] = parts.map((part) => (part === '' ? undefined : Number(part)));
  if (parts.length === 1 && start !== undefined)
    return { start, end: start === -1 ? undefined : start + 1, step: 1 };
  if (step === 0) throw invalid('expected a slice step other than 0, got 0');
  return { start, end, step: step ?? 1 };
}

/** Python's slice of a list. */
function cut(list: Document[], slice: Slice | undefined): Document[] {
  if (!slice) return list;
  const { length } = list;
  const { step } = slice;
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (value: number | undefined, otherwise: number): number =>
    value === undefined ? otherwise : Math.min(high, Math.max(low, value < 0 ? value + length : value));
  const end = bound(slice.end, step > 0 ? high : low);
  const out: Document[] = [];
  for (let i = bound(slice.start, step > 0 ? low : high); step > 0 ? i < end : i > end; i += step)
    out.push(list[i]!);
  return out;
}

function invalid(message: string): ClipError {
  return new ClipError('invalid_request', message);
}
