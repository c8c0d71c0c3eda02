import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClipError } from '../../../src/errors.ts';
import { randomIntegers } from '../../models/random.ts';
import { bytes, number, varint } from '../onnx-writer.ts';

/** What no file may take longer than. */
const LONGEST_MS = 5000;

export interface MutationRun {
  /** ONNX files that are changed, in turn; each a few kilobytes, for speed. */
  readonly seeds: readonly Uint8Array[];
  /** Files that lie beside every changed one. */
  readonly beside?: Readonly<Record<string, Uint8Array>>;
  /** How many changed files. */
  readonly count: number;
  /** Reads the file at `path` as the server would. May throw a ClipError `model_invalid`, and nothing else. */
  readonly read: (path: string) => Promise<void>;
}

/**
 * Changes files at random, each mutant by its own number, and has them read one after the other. Fails with the mutant's
 * number where anything but `model_invalid` is thrown or one takes more than 5 seconds. Returns how many were refused.
 */
export async function readMutants({ seeds, beside = {}, count, read }: MutationRun): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-mutants-'));
  const path = join(folder, 'model.onnx');
  const trees = seeds.map((seed) => parse(Buffer.from(seed), 0));
  let refused = 0;
  try {
    for (const [name, content] of Object.entries(beside)) await writeFile(join(folder, name), content);
    for (let i = 0; i < count; i++) {
      const random = randomOf(i);
      const at = i % seeds.length;
      const tree = trees[at];
      const isStructural = tree && random(2) === 0;
      await writeFile(path, isStructural ? changeFields(tree, random) : changeBytes(seeds[at]!, random));
      const start = performance.now();
      try {
        await read(path);
      } catch (error) {
        const isTyped = error instanceof ClipError && error.code === 'model_invalid';
        assert.ok(isTyped, `mutant ${i} of seed ${at}: ${(error as Error).stack}`);
        refused++;
      }
      const took = performance.now() - start;
      assert.ok(took < LONGEST_MS, `mutant ${i} of seed ${at} took ${took} ms`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return refused;
}

type Random = (below: number) => number;

/** Equal numbers give equal mutants. */
function randomOf(mutant: number): Random {
  const next = randomIntegers(`mutant ${mutant}`);
  return (below) => next() % below;
}

/** Bytes flipped, cut off, taken out, doubled, or overwritten. */
function changeBytes(seed: Uint8Array, random: Random): Buffer {
  let file = Buffer.from(seed);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(file.length + 1);
    const length = random(8) === 0 ? random(file.length - at + 1) : random(12);
    const [before, part, after] = [
      file.subarray(0, at),
      file.subarray(at, at + length),
      file.subarray(at + length),
    ];
    switch (random(5)) {
      case 0:
        if (at < file.length) file[at]! ^= 1 << random(8);
        break;
      case 1:
        file = Buffer.from(before);
        break;
      case 2:
        file = Buffer.concat([before, after]);
        break;
      case 3:
        file = Buffer.concat([before, part, part, after]);
        break;
      default:
        file = Buffer.concat([before, Buffer.from(part.map(() => random(256))), after]);
    }
  }
  return file;
}

/** A field: a message in its parts, or the payload of another. */
interface Tree {
  field: number;
  readonly wire: number;
  value: bigint;
  payload: Buffer;
  parts?: Tree[];
}

/** The fields of a message; undefined where `data` is none. Short texts that look like messages are taken as messages. */
function parse(data: Buffer, depth: number): Tree[] | undefined {
  const parts: Tree[] = [];
  for (let at = 0; at < data.length; ) {
    const tag = readNumber(data, at);
    if (!tag) return undefined;
    const field = Number(tag.value >> 3n);
    const wire = Number(tag.value & 7n);
    const length = wire === 0 || wire === 2 ? readNumber(data, tag.next) : { value: 0n, next: tag.next };
    if (!length || field === 0 || field > 30 || ![0, 1, 2, 5].includes(wire)) return undefined;
    const size = wire === 2 ? Number(length.value) : wire === 5 ? 4 : wire === 1 ? 8 : 0;
    if (length.next + size > data.length) return undefined;
    const payload = data.subarray(length.next, length.next + size);
    const inner = wire === 2 && depth < 12 ? parse(payload, depth + 1) : undefined;
    const whole = { field, wire, value: length.value, payload };
    parts.push(inner && inner.length > 0 ? { ...whole, parts: inner } : whole);
    at = length.next + size;
  }
  return parts;
}

function readNumber(data: Buffer, from: number): { value: bigint; next: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = data[from + i];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, next: from + i + 1 };
  }
  return undefined;
}

/** Numbers at the borders of what readers take for granted. */
const NUMBERS = [
  0n,
  1n,
  2n,
  7n,
  16n,
  255n,
  2n ** 20n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 60n,
  2n ** 63n - 1n,
  -1n,
];
const TEXTS = [
  '',
  '../w.bin',
  '/etc/passwd',
  'w.bin',
  '99999999999999999999',
  '-1',
  'x'.repeat(300),
  '\ud800',
];

/** Fields dropped, doubled, swapped, moved, renamed or given other values; all lengths stay right. */
function changeFields(tree: readonly Tree[], random: Random): Buffer {
  const copy = tree.map(copyOf);
  const messages = [copy];
  for (const parts of messages) for (const part of parts) if (part.parts) messages.push(part.parts);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)]!;
  const leaves = messages.flat().filter((part) => !part.parts);
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const parts = pick(messages);
    const at = random(parts.length);
    const leaf = pick(leaves);
    switch (random(8)) {
      case 0:
        parts.splice(at, 1);
        break;
      case 1:
        if (parts[at]) parts.splice(random(parts.length), 0, parts[at]);
        break;
      case 2:
        if (parts[at]) parts[at].field = 1 + random(25);
        break;
      case 3:
        if (parts[at]) pick(messages).push(withoutParts(parts[at]));
        break;
      case 4:
        leaf.value = pick(NUMBERS);
        break;
      case 5:
        leaf.payload = pick(leaves).payload;
        break;
      case 6:
        leaf.payload = Buffer.from(pick(TEXTS));
        break;
      default:
        if (leaf.payload.length > 0) leaf.payload = Buffer.concat([leaf.payload, leaf.payload.subarray(1)]);
    }
  }
  return encode(copy);
}

/** A copy whose fields may be changed; payloads are replaced and never written to. */
function copyOf(part: Tree): Tree {
  return part.parts ? { ...part, parts: part.parts.map(copyOf) } : { ...part };
}

/** Encoded for itself, so that a part never holds itself. */
function withoutParts({ parts, ...part }: Tree): Tree {
  return parts ? { ...part, payload: encode(parts) } : { ...part };
}

function encode(parts: readonly Tree[]): Buffer {
  return Buffer.concat(
    parts.map(({ field, wire, value, payload, parts: inner }) => {
      if (wire === 0) return number(field, value);
      if (wire === 2) return bytes(field, inner ? encode(inner) : payload);
      const padded = Buffer.concat([payload, Buffer.alloc(8)]);
      return Buffer.concat([varint((field << 3) | wire), padded.subarray(0, wire === 5 ? 4 : 8)]);
    }),
  );
}
