import { ClipError } from '../../../errors.ts';
import { elementCount, roundElements } from '../elements.ts';
import type { OnnxNode } from '../types.ts';
import {
  allocate,
  type Elements,
  readValues,
  type Source,
  type View,
  valuesOf,
  viewOf,
  viewOfValues,
} from './view.ts';

/** Larger constants are computed when they are read, and given up then. */
export const MAX_VALUE_ELEMENTS = 2 ** 18;
/** Of all constants that are computed and kept in memory together. */
const MAX_ELEMENTS_TOGETHER = 2 ** 24;
/** Elements that are looked at on the way, together. */
const MAX_WORK = 2 ** 26;
/** Of one large constant, whatever its model states. */
const MAX_LARGE_ELEMENTS = 2 ** 31;
/** Axes of a constant; CLIP's exporters write up to six. */
export const MAX_RANK = 8;
/** Readings and computations behind one large constant; joining three projections takes four. */
const MAX_COST = 64;

/** Writes the result's elements; false where they cannot be said exactly. */
type Run = (inputs: readonly Elements[], to: Elements) => unknown;

/** One node whose inputs are constants. */
export interface Call {
  readonly node: OnnxNode;
  /** Version of the node's operators. */
  readonly opset: number;
  /** Undefined where the node leaves one out. */
  readonly inputs: readonly (View | undefined)[];
  readonly workshop: Workshop;
}

/** What a node gives, by output; undefined where it is not known how to compute it. */
export type Operation = (call: Call) => readonly View[] | undefined;

/** Computes constants within bounds: few at once, large ones when they are read. */
export class Workshop {
  readonly #path: string;
  readonly #most: number;
  #elementsLeft = MAX_ELEMENTS_TOGETHER;
  #workLeft = MAX_WORK;

  /** `stored` is how many elements the model's tensors have together; no constant may have many more. */
  constructor(path: string, stored: number) {
    this.#path = path;
    this.#most = Math.min(stored + MAX_VALUE_ELEMENTS, MAX_LARGE_ELEMENTS);
  }

  /**
   * What `run` makes of `inputs`. Undefined where that is not exact, or takes too many steps.
   * Throws `model_invalid` for a size beyond every bound.
   */
  make(type: string, dims: readonly number[], inputs: readonly View[], run: Run): View | undefined {
    if (dims.length > MAX_RANK) return undefined;
    const count = this.#count(dims);
    for (const input of inputs) this.#count(input.dims);
    const known = count <= MAX_VALUE_ELEMENTS ? inputs.map((input) => this.values(input)) : [undefined];
    if (!known.every((values) => values !== undefined)) return this.#later(type, dims, inputs, run);
    this.#charge(count);
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0) throw this.#tooLarge(`more than ${MAX_ELEMENTS_TOGETHER} elements`);
    const to = allocate(type, count);
    return fill(type, known, to, run) ? viewOfValues(type, dims, to) : undefined;
  }

  /** What is computed when it is read, each time anew. */
  #later(type: string, dims: readonly number[], inputs: readonly View[], run: Run): View | undefined {
    const count = elementCount(dims);
    const cost = inputs.reduce((sum, { source }) => sum + source.cost, 1);
    if (cost > MAX_COST) return undefined;
    const source: Source = {
      count,
      cost,
      values: () => undefined,
      read: async (from, wanted) => {
        const given: Elements[] = [];
        for (const input of inputs) given.push(await readValues(input));
        const to = allocate(type, count);
        if (!fill(type, given, to, run)) throw this.#tooLarge(`${type} elements that do not fit their type`);
        return to.subarray(from, from + wanted);
      },
    };
    return viewOf(type, dims, source);
  }

  /** The view's elements where they are few and in memory. Throws `model_invalid` once all together were too many. */
  values(view: View): Elements | undefined {
    const count = elementCount(view.dims);
    if (count > MAX_VALUE_ELEMENTS) return undefined;
    this.#charge(count);
    return valuesOf(view);
  }

  /** Values of an input that says how: a shape, axes, bounds. Undefined where it is left out or not known. */
  numbers(view: View | undefined): number[] | undefined {
    const values = view && this.values(view);
    return values && Array.from(values);
  }

  /** The same for what there is one of per axis. */
  perAxis(view: View | undefined): number[] | undefined {
    return view && elementCount(view.dims) <= MAX_RANK ? this.numbers(view) : undefined;
  }

  #charge(elements: number): void {
    this.#workLeft -= 1 + elements;
    if (this.#workLeft < 0) throw this.#tooLarge(`more than ${MAX_WORK} elements to look at`);
  }

  #count(dims: readonly number[]): number {
    const count = elementCount(dims);
    if (count <= this.#most) return count;
    throw this.#tooLarge(`a constant of shape [${dims.join(', ')}], more than all of its tensors together`);
  }

  #tooLarge(found: string): ClipError {
    return new ClipError(
      'model_invalid',
      `${this.#path}: expected constants like a CLIP model's, found ${found}`,
    );
  }
}

/** Largest magnitude by integer type, and whether it goes below zero. Beyond 2^53 float64 is not exact. */
const INTEGERS: Readonly<Record<string, readonly [least: number, largest: number]>> = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

function fill(type: string, inputs: readonly Elements[], to: Elements, run: Run): boolean {
  if (run(inputs, to) === false) return false;
  roundElements(type, to);
  const range = INTEGERS[type];
  if (!range) return true;
  const [least, largest] = range;
  return to.every((value) => Number.isInteger(value) && value >= least && value <= largest);
}

export function isInteger(type: string): boolean {
  return type in INTEGERS && type !== 'bool';
}

export function isFloat(type: string): boolean {
  return type === 'float32' || type === 'float16' || type === 'bfloat16' || type === 'float64';
}

/** `axis` counted from the front; undefined where there is none such. */
export function axisOf(axis: number, rank: number): number | undefined {
  const front = axis < 0 ? axis + rank : axis;
  return Number.isInteger(front) && front >= 0 && front < rank ? front : undefined;
}
