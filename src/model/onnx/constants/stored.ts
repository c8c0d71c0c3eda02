import { open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { ClipError } from '../../../errors.ts';
import type { Place } from '../../architecture/architecture.ts';
import { decodeElements, elementCount, isNumeric } from '../elements.ts';
import type { OnnxTensor } from '../types.ts';
import { unpackVarints } from '../varints.ts';
import { allocate, type Elements, type Source } from './view.ts';

/** Bytes decoded at once, where elements are not read as they lie. */
const CHUNK_BYTES = 2 ** 20;
/** Node reads less than 2 GiB at once. */
const LONGEST_READ_BYTES = 2 ** 30;

/** The elements of one tensor of a file. */
export class StoredSource implements Source {
  readonly count: number;
  readonly cost = 1;
  readonly #tensor: OnnxTensor;
  /** Of the elements, or of the integers that hold them; undefined where the tensor holds none. */
  readonly #place: Place | undefined;
  #values: Elements | undefined;

  /** `modelPath` is the ONNX file, `externalPaths` the files beside it by their location. */
  constructor(tensor: OnnxTensor, modelPath: string, externalPaths: ReadonlyMap<string, string>) {
    this.count = elementCount(tensor.dims);
    this.#tensor = tensor;
    this.#place = locate(tensor, modelPath, externalPaths);
  }

  /** Where little-endian elements lie, row-major. */
  get place(): Place | undefined {
    return this.#tensor.varints ? undefined : this.#place;
  }

  get type(): string {
    return this.#tensor.type;
  }

  /** Whether the tensor holds elements that are numbers. */
  get isReadable(): boolean {
    return (this.#place !== undefined || this.#tensor.data !== undefined) && isNumeric(this.#tensor.type);
  }

  values(): Elements | undefined {
    const { data, type } = this.#tensor;
    if (this.#values || !data) return this.#values;
    const values = allocate(type, this.count);
    if (decodeElements(type, data, values)) this.#values = values;
    return this.#values;
  }

  /** Reads the elements, so that `values` has them from now on. */
  async load(): Promise<void> {
    this.#values ??= await this.read(0, this.count);
  }

  async read(from: number, count: number): Promise<Elements> {
    const known = this.values();
    if (known) return known.subarray(from, from + count);
    const { name, type, bytes, varints } = this.#tensor;
    if (!this.#place || bytes === 0 || this.count === 0) {
      throw new ClipError('model_invalid', `the tensor ${name} (${type}) holds no elements that can be read`);
    }
    const values = allocate(type, count);
    const width = bytes / this.count;
    if (varints) {
      const packed = Buffer.alloc(this.#place.length);
      await readBytes(this.#place, packed);
      decode(type, unpackVarints(packed, type, bytes).subarray(from * width), values);
      return values;
    }
    const place = { ...this.#place, offset: this.#place.offset + from * width, length: count * width };
    if (type === 'float32' && endianness() === 'LE') {
      await readBytes(place, new Uint8Array(values.buffer));
    } else await readInChunks(place, type, width, values);
    return values;
  }
}

function locate(
  { raw, varints, external, bytes, name }: OnnxTensor,
  modelPath: string,
  externalPaths: ReadonlyMap<string, string>,
): Place | undefined {
  const inside = raw ?? varints;
  if (inside) return { path: modelPath, offset: inside.start, length: inside.end - inside.start };
  if (!external) return undefined;
  if ((external.length ?? bytes) !== bytes) {
    throw new ClipError(
      'model_invalid',
      `${modelPath}: expected ${bytes} bytes of ${name}, found ${external.length} in ${external.location}`,
    );
  }
  const path = externalPaths.get(external.location);
  return path === undefined ? undefined : { path, offset: external.offset, length: bytes };
}

async function readInChunks(place: Place, type: string, width: number, to: Elements): Promise<void> {
  const perChunk = CHUNK_BYTES / 8;
  const chunk = Buffer.alloc(Math.min(perChunk, to.length) * width);
  for (let start = 0; start < to.length; start += perChunk) {
    const part = to.subarray(start, start + perChunk);
    const bytes = chunk.subarray(0, part.length * width);
    await readBytes({ ...place, offset: place.offset + start * width }, bytes);
    decode(type, bytes, part);
  }
}

function decode(type: string, bytes: Uint8Array, to: Elements): void {
  if (!decodeElements(type, bytes, to)) {
    throw new ClipError('model_invalid', `expected numbers of up to 64 bits, found elements of ${type}`);
  }
}

async function readBytes({ path, offset }: Place, to: Uint8Array): Promise<void> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new ClipError('model_invalid', `${path} cannot be opened: ${(cause as Error).message}`, { cause });
  });
  try {
    for (let filled = 0; filled < to.length; ) {
      const { bytesRead } = await file.read(
        to,
        filled,
        Math.min(to.length - filled, LONGEST_READ_BYTES),
        offset + filled,
      );
      if (bytesRead === 0) {
        throw new ClipError(
          'model_invalid',
          `${path}: expected ${to.length} bytes of weights at ${offset}, found ${filled}`,
        );
      }
      filled += bytesRead;
    }
  } finally {
    await file.close();
  }
}
