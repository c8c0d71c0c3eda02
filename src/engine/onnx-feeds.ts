import { Tensor } from 'onnxruntime-node';
import { writeHalves } from '../float16.ts';
import { columnsOf } from '../model/columns.ts';
import { packTexts } from '../model/rewrite/packed-texts.ts';
import type { ElementType, ImageInput, TextInput, TowerContract, TowerInput } from '../model/tower.ts';
import { loadAddon } from '../native/addon.ts';

/** Inputs of one run, packed one after another: ids (count × columns) or pixels (count × resolution² × 3). */
export interface Packed {
  readonly count: number;
  readonly data: Int32Array | Uint8Array;
  /** Texts: tokens that count, per row. */
  readonly lengths?: Int32Array;
}

/** At least one input, all of one tower and of one length. Of texts the columns that the longest of them needs, by `cut`. */
export function pack(inputs: readonly TowerInput[], cut?: TowerContract['cut']): Packed {
  return inputs[0] instanceof Uint8Array
    ? joinImages(inputs as readonly ImageInput[])
    : joinTexts(inputs as readonly TextInput[], cut);
}

function joinTexts(texts: readonly TextInput[], cut: TowerContract['cut']): Packed {
  const columns = Math.max(...texts.map((text) => columnsOf(text, cut)));
  const data = new Int32Array(texts.length * columns);
  texts.forEach(({ ids }, i) => void data.set(ids.subarray(0, columns), i * columns));
  return { count: texts.length, data, lengths: Int32Array.from(texts, ({ length }) => length) };
}

function joinImages(images: readonly ImageInput[]): Packed {
  const size = images[0]!.length;
  const data = new Uint8Array(images.length * size);
  images.forEach((pixels, i) => void data.set(pixels, i * size));
  return { count: images.length, data };
}

/** Makes a graph's inputs from the chosen rows of a pack. The tensors are good until the next call. */
export type Feed = (inputs: Packed, rows: readonly number[]) => Record<string, Tensor>;

/** @throws Error where the graph asks for element types or a layout that CLIP's inputs do not fit. */
export function feedOf(contract: TowerContract): Feed {
  if (contract.tower === 'image') return pixels(contract);
  return contract.packed ? tokens(contract.packed) : ids(contract);
}

/** What a packed graph takes. It shares beginnings and leaves padding away, so ids may come with any. */
function tokens({ endToken }: NonNullable<TowerContract['packed']>): Feed {
  return ({ data, count }, rows) => {
    const columns = data.length / count;
    const texts = rows.map((row) => (data as Int32Array).subarray(row * columns, (row + 1) * columns));
    const packed = packTexts(texts, endToken);
    const { tokens, positions, places, index, end } = packed;
    const vectors = Object.entries({ tokens, positions, places, end }).map(
      ([name, numbers]) => [name, new Tensor('int32', numbers, [numbers.length])] as const,
    );
    return {
      ...Object.fromEntries(vectors),
      index: new Tensor('int32', index, [rows.length, packed.columns]),
    };
  };
}

function ids({ input, mask, path }: TowerContract): Feed {
  const tokens = integers(input.type, path);
  const ones = mask && integers(mask.type, path);
  return ({ data, lengths, count }, rows) => {
    const columns = data.length / count;
    const shape = [rows.length, columns];
    const feeds = { [input.name]: tokens(shape, (row, column) => data[rows[row]! * columns + column]!) };
    if (mask && ones)
      feeds[mask.name] = ones(shape, (row, column) => (column < lengths![rows[row]!]! ? 1 : 0));
    return feeds;
  };
}

type Cell = (row: number, column: number) => number;

function integers(type: ElementType, path: string): (shape: readonly number[], cell: Cell) => Tensor {
  if (type === 'int32')
    return (shape, cell) => {
      const data = new Int32Array(shape[0]! * shape[1]!);
      for (let i = 0; i < data.length; i++) data[i] = cell(Math.trunc(i / shape[1]!), i % shape[1]!);
      return new Tensor('int32', data, shape);
    };
  if (type === 'int64')
    return (shape, cell) => {
      const data = new BigInt64Array(shape[0]! * shape[1]!);
      for (let i = 0; i < data.length; i++) data[i] = BigInt(cell(Math.trunc(i / shape[1]!), i % shape[1]!));
      return new Tensor('int64', data, shape);
    };
  throw new Error(`${path}: expected int32 or int64 for ids and mask, got ${type}`);
}

function pixels(contract: TowerContract): Feed {
  const { input, resolution, layout, path } = contract;
  if (!resolution) throw new Error(`${path}: the contract of an image tower must state the resolution`);
  if (layout === 'nhwc' && input.type === 'uint8') return rawPixels(input.name, resolution);
  if (layout === 'nchw' && input.type === 'float32') return floatPlanes(input.name, resolution);
  if (layout === 'nchw' && input.type === 'float16') return halfPlanes(input.name, resolution);
  throw new Error(
    `${path}: expected float pixels as nchw or uint8 pixels as nhwc, got ${input.type} as ${layout}`,
  );
}

function rawPixels(name: string, side: number): Feed {
  const size = 3 * side * side;
  return (inputs, rows) => {
    const batch = new Uint8Array(rows.length * size);
    rows.forEach((row, i) => void batch.set(picture(inputs, row, size), i * size));
    return { [name]: new Tensor('uint8', batch, [rows.length, side, side, 3]) };
  };
}

function floatPlanes(name: string, side: number): Feed {
  const { normalise } = loadAddon();
  const size = 3 * side * side;
  // Kept from run to run: a batch of 32 is 19 MB, which would be cleared and collected each time.
  let batch = new Float32Array(0);
  return (inputs, rows) => {
    if (batch.length < rows.length * size) batch = new Float32Array(rows.length * size);
    rows.forEach((row, i) => void normalise(picture(inputs, row, size), batch, i * size));
    const data = batch.subarray(0, rows.length * size);
    return { [name]: new Tensor('float32', data, [rows.length, 3, side, side]) };
  };
}

function halfPlanes(name: string, side: number): Feed {
  const { normalise } = loadAddon();
  const size = 3 * side * side;
  const floats = new Float32Array(size);
  return (inputs, rows) => {
    const batch = new Uint16Array(rows.length * size);
    rows.forEach((row, i) => {
      normalise(picture(inputs, row, size), floats, 0);
      writeHalves(floats, batch, i * size);
    });
    return { [name]: halfTensor(batch, [rows.length, 3, side, side]) };
  };
}

/**
 * Where the platform has a Float16Array (Node.js 24), the constructor turns the bits into one, and ONNX Runtime's binding
 * then sees no data in it. So the tensor is made of plain 16-bit numbers, and named for what they are.
 */
export function halfTensor(bits: Uint16Array, dims: readonly number[]): Tensor {
  return Object.defineProperty(new Tensor('uint16', bits, dims), 'type', { value: 'float16' });
}

function picture({ data }: Packed, row: number, size: number): Uint8Array {
  return (data as Uint8Array).subarray(row * size, (row + 1) * size);
}
