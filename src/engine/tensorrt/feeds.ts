import { writeHalves } from '../../float16.ts';
import { columnsOf } from '../../model/columns.ts';
import { endColumn } from '../../model/rewrite/packed-texts.ts';
import type { ElementType, ImageInput, TextInput, TowerContract, TowerInput } from '../../model/tower.ts';
import { loadAddon } from '../../native/addon.ts';
import type { Feed } from '../../native/tensorrt.ts';

/** Makes a graph's inputs for one run: at least one input, all of the tower. Where it can it lends the inputs' own memory. */
export type Feeds = (inputs: readonly TowerInput[]) => Feed[];

/** @throws Error where the graph asks for element types or a layout that CLIP's inputs do not fit */
export function feedsOf(contract: TowerContract): Feeds {
  return contract.tower === 'text' ? texts(contract) : pictures(contract);
}

function texts({ input, mask, end, cut, path }: TowerContract): Feeds {
  const columnOf = end && endOf(cut, path);
  const ids = integers(input.type, path);
  const ones = mask && integers(mask.type, path);
  return (inputs) => {
    const rows = inputs as readonly TextInput[];
    const columns = Math.max(...rows.map((text) => columnsOf(text, cut)));
    const shape = [rows.length, columns];
    const feeds: Feed[] = [
      { name: input.name, shape, data: rows.map((text) => ids(text.ids.subarray(0, columns))) },
    ];
    if (mask && ones)
      feeds.push({
        name: mask.name,
        shape,
        data: rows.map(({ length }) => ones(firstOnes(columns, length))),
      });
    if (end && columnOf)
      feeds.push({
        name: end.name,
        shape: [rows.length],
        data: [Int32Array.from(rows, (text) => columnOf(text.ids))],
      });
    return feeds;
  };
}

function endOf(cut: TowerContract['cut'], path: string): (ids: Int32Array) => number {
  if (!cut)
    throw new Error(`${path}: the contract of a graph that is told the end must say which token it is`);
  return (ids) => endColumn(ids, cut.endToken);
}

function firstOnes(columns: number, count: number): Int32Array {
  return new Int32Array(columns).fill(1, 0, count);
}

function integers(type: ElementType, path: string): (numbers: Int32Array) => Int32Array | BigInt64Array {
  if (type === 'int32') return (numbers) => numbers;
  if (type === 'int64') return (numbers) => BigInt64Array.from(numbers, BigInt);
  throw new Error(`${path}: expected int32 or int64 for ids and mask, got ${type}`);
}

function pictures({ input, layout, resolution: side, path }: TowerContract): Feeds {
  if (!side) throw new Error(`${path}: the contract of an image tower must state the resolution`);
  const { name, type } = input;
  if (layout === 'nhwc' && type === 'uint8')
    return (inputs) => [
      { name, shape: [inputs.length, side, side, 3], data: inputs as readonly ImageInput[] },
    ];
  if (layout !== 'nchw' || (type !== 'float32' && type !== 'float16'))
    throw new Error(
      `${path}: expected float pixels as nchw or uint8 pixels as nhwc, got ${type} as ${layout}`,
    );
  const { normalise } = loadAddon();
  return (inputs) => {
    const data = (inputs as readonly ImageInput[]).map((pixels) => {
      const floats = new Float32Array(3 * side * side);
      normalise(pixels, floats, 0);
      return type === 'float32' ? floats : halves(floats);
    });
    return [{ name, shape: [inputs.length, 3, side, side], data }];
  };
}

function halves(floats: Float32Array): Uint8Array {
  const bits = new Uint16Array(floats.length);
  writeHalves(floats, bits, 0);
  return new Uint8Array(bits.buffer);
}
