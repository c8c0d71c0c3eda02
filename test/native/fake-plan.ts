import type { ElementType } from '../../src/model/tower.ts';
import type { Profile } from '../../src/native/tensorrt.ts';

/** What a plan of the fake libnvinfer says, as its `test/fakes/infer/plan.cc` reads it. */
export interface FakePlan {
  /** With build number: `10.16.0.72`. */
  readonly version: string;
  readonly tensors: readonly FakeTensor[];
  readonly profiles: readonly Profile[];
}

export interface FakeTensor {
  readonly name: string;
  readonly input: boolean;
  readonly type: ElementType;
  /** -1 is dynamic. */
  readonly shape: readonly number[];
}

/** Numbers of nvinfer1::DataType. */
const TYPES: Record<ElementType, number> = { float32: 0, float16: 1, int32: 3, uint8: 5, int64: 8 };
const HEADER = 28;
const VERSION_AT = 24;
const SCRATCH_PER_ROW = 64;

/** Bytes that the fake deserialises. */
export function fakePlan(plan: FakePlan): Uint8Array {
  const body = Buffer.concat([
    ...list(plan.tensors, ({ name, input, type, shape }) => [
      text(name),
      numbers(input ? 1 : 0, TYPES[type], shape.length, ...shape),
    ]),
    ...list(plan.profiles, (profile) =>
      // The fake keeps them by name, in a map.
      list(Object.entries(profile).sort(), ([name, { min, opt, max }]) => [
        text(name),
        ...[min, opt, max].map((shape) => numbers(shape.length, ...shape)),
      ]),
    ),
    numbers(0, SCRATCH_PER_ROW),
  ]);
  return Buffer.concat([header(plan.version, HEADER + body.length + 8), body, checksum(body)]);
}

function header(version: string, size: number): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt32LE(0x74727466, 0);
  bytes.writeBigUInt64LE(BigInt(size), 8);
  bytes.set(version.split('.').map(Number), VERSION_AT);
  return bytes;
}

function numbers(...values: number[]): Buffer {
  return Buffer.from(new BigInt64Array(values.map(BigInt)).buffer);
}

function text(value: string): Buffer {
  return Buffer.concat([numbers(value.length), Buffer.from(value)]);
}

function list<T>(items: readonly T[], write: (item: T) => Buffer[]): Buffer[] {
  return [numbers(items.length), ...items.flatMap(write)];
}

/** FNV-1a. */
function checksum(bytes: Uint8Array): Buffer {
  let sum = 14695981039346656037n;
  for (const byte of bytes) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 1099511628211n);
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(sum);
  return out;
}
