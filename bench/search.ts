import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unit } from '../src/cli/embed/unit.ts';
import { pathsByRow } from '../src/cli/search/compact.ts';
import { IndexFile } from '../src/cli/search/index-file.ts';
import { NearestRows } from '../src/cli/search/nearest.ts';
import { writeHalves } from '../src/float16.ts';
import { median } from './median.ts';

const ROWS = Number(process.env.BENCH_ROWS ?? 1_000_000);
const WIDTH = 512;
const BLOCK = 4096;
const TOP = 10;
const ROUNDS = 5;
/** Rows that are compared with the naive loop, which wants an object for each. */
const NAIVE_ROWS = Math.min(ROWS, 65_536);
const RECALL_QUERIES = 50;

/**
 * `clip-server search` without a model: an index of BENCH_ROWS rows (1,000,000) of 512 components, as a search opens it and looks
 * through it, on one core. The naive loop holds a Float32Array per row, computes each cosine with both lengths, and sorts all.
 * Both in processor time. Rows have a direction in common, as CLIP's pictures have (cosine 0.5 to each other).
 */
export async function searchBench(): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-bench-search-'));
  try {
    const path = join(folder, 'index');
    const vectors = vectorSource();
    const rows: Float32Array[] = [];
    const wroteMs = await timed(() => fill(path, vectors, rows));
    const { opened, searched } = await searchFile(path, vectors.query());
    const { halfMs, naiveMs, recall } = compareInMemory(rows, vectors);
    return {
      rows: ROWS,
      bytes_per_row: (await stat(path)).size / ROWS,
      write_seconds: wroteMs / 1000,
      open_seconds: opened.wall / 1000,
      open_cpu_seconds: opened.cpu / 1000,
      search_seconds: searched.wall / 1000,
      search_cpu_seconds: searched.cpu / 1000,
      in_memory_cpu_ms: halfMs,
      naive_cpu_ms: naiveMs,
      naive_over_search: naiveMs / halfMs,
      float16_recall_at_10: recall,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Normal numbers from a fixed seed. */
function vectorSource() {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  // Four uniform numbers are near enough to a normal one.
  const noise = () => uniform() + uniform() + uniform() + uniform() - 2;
  const common = unit(Float32Array.from({ length: WIDTH }, noise));
  const mixed = (share: number) => {
    const own = unit(Float32Array.from({ length: WIDTH }, noise));
    return unit(own.map((x, i) => x * (1 - share) + common[i]! * share));
  };
  return { row: () => mixed(0.5), query: () => mixed(0.2) };
}

type VectorSource = ReturnType<typeof vectorSource>;

/** Keeps the first rows in `kept`; writes some thousand different ones again and again. */
async function fill(path: string, vectors: VectorSource, kept: Float32Array[]): Promise<void> {
  const probe = Buffer.alloc(WIDTH * 4).toString('base64');
  const index = await IndexFile.create(path, { model: 'bench', probes: { text: probe, image: probe } });
  for (let first = 0; first < ROWS; first += BLOCK) {
    const count = Math.min(BLOCK, ROWS - first);
    const rows = new Uint16Array(count * WIDTH);
    for (let i = 0; i < count; i += 1) {
      const known = kept.length === NAIVE_ROWS;
      const row = known ? kept[(first + i * 17) % NAIVE_ROWS]! : vectors.row();
      if (!known) kept.push(row);
      writeHalves(row, rows, i * WIDTH);
    }
    const added = Array.from({ length: count }, (_, i) => {
      const path = `album ${first}/picture ${first + i}.jpg`;
      return [
        path,
        1_000_000 + i,
        1_700_000_000_000 + i,
        `hash-of-${String(first + i).padStart(14, '0')}`,
      ] as const;
    });
    await index.append({ added, again: [], gone: [] }, rows);
  }
  await index.close();
}

async function searchFile(path: string, query: Float32Array) {
  let index: IndexFile | undefined;
  const openUsed = cpuTimer();
  const openMs = await timed(async () => {
    index = await IndexFile.open(path, 'r');
  });
  const opened = { wall: openMs, cpu: openUsed() };
  const [wall, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    const used = cpuTimer();
    wall.push(
      await timed(async () => {
        const counts = new Uint8Array(index!.rows);
        for (const row of pathsByRow(index!).keys()) counts[row] = 1;
        const nearest = new NearestRows(query, TOP);
        for await (const block of index!.blocks()) nearest.look(block.vectors, block.first, counts);
      }),
    );
    cpu.push(used());
  }
  await index!.close();
  return { opened, searched: { wall: median(wall), cpu: median(cpu) } };
}

/** ms of processor time since, of all threads. */
function cpuTimer(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}

function compareInMemory(rows: readonly Float32Array[], vectors: VectorSource) {
  const halves = new Uint16Array(rows.length * WIDTH);
  for (const [i, row] of rows.entries()) writeHalves(row, halves, i * WIDTH);
  const all = new Uint8Array(rows.length).fill(1);
  const [half, naive]: [number[], number[]] = [[], []];
  let found = 0;
  for (let i = 0; i < RECALL_QUERIES; i += 1) {
    const query = vectors.query();
    let used = cpuTimer();
    const nearest = new NearestRows(query, TOP);
    nearest.look(halves, 0, all);
    const best = new Set(nearest.best().map(({ row }) => row));
    half.push(used());
    used = cpuTimer();
    const exact = naiveSearch(rows, query);
    naive.push(used());
    found += exact.filter((row) => best.has(row)).length;
  }
  return { halfMs: median(half), naiveMs: median(naive), recall: found / (RECALL_QUERIES * TOP) };
}

function naiveSearch(rows: readonly Float32Array[], query: Float32Array): number[] {
  return rows
    .map((row, at) => ({ at, score: cosine(row, query) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, TOP)
    .map(({ at }) => at);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [product, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    product += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return product / Math.sqrt(aa * bb);
}
