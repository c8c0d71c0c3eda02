import type { Place, Weight } from '../../architecture/architecture.ts';
import { elementCount } from '../elements.ts';
import { externalFiles } from '../external-data.ts';
import type { GraphLinks } from '../links.ts';
import type { OnnxNode } from '../types.ts';
import { ALONG_AXES } from './along-axes.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { GENERATE } from './generate.ts';
import { LAYOUT } from './layout.ts';
import { StoredSource } from './stored.ts';
import { isContiguous, readValues, type View, viewOf } from './view.ts';
import { isFloat, MAX_RANK, MAX_VALUE_ELEMENTS, type Operation, Workshop } from './workshop.ts';

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...LAYOUT,
  ...ARITHMETIC,
  ...GENERATE,
  ...ALONG_AXES,
};

/** Tensors that are not in the ONNX file's own short parts are read at once up to this size, and together. */
const MAX_LOADED_BYTES = 256 * 1024;
const MAX_LOADED_BYTES_TOGETHER = 64 * 2 ** 20;

/** A small constant. 64-bit integers are the nearest float64. */
export interface ConstantValue {
  readonly type: string;
  readonly dims: readonly number[];
  /** Row-major. */
  readonly values: Float32Array | Float64Array;
}

/** What a graph's values are that depend on its tensors alone, computed on demand and within bounds. */
export class Constants {
  readonly #links: GraphLinks;
  readonly #opset: number;
  readonly #workshop: Workshop;
  readonly #constant = new Set<string>();
  /** By value; undefined where nobody knows how to compute it. */
  readonly #views = new Map<string, View | undefined>();

  private constructor(links: GraphLinks) {
    this.#links = links;
    const { model, sorted } = links;
    this.#opset = model.opsets.get('') ?? 1;
    const held = model.tensors.filter(
      ({ data, raw, varints, external }) => data ?? raw ?? varints ?? external,
    );
    this.#workshop = new Workshop(
      model.path,
      held.reduce((sum, { dims }) => sum + elementCount(dims), 0),
    );
    for (const { name } of model.tensors) this.#constant.add(name);
    for (const node of sorted) {
      if (!isPure(node) || !node.inputs.every((name) => name === '' || this.#constant.has(name))) continue;
      for (const name of node.outputs) if (name) this.#constant.add(name);
    }
  }

  /** Reads what small tensors lie in other files. Throws `model_invalid` where the files are not as the graph says. */
  static async of(links: GraphLinks, signal?: AbortSignal): Promise<Constants> {
    const { model } = links;
    const paths = await externalFiles(model);
    const constants = new Constants(links);
    let left = MAX_LOADED_BYTES_TOGETHER;
    for (const tensor of model.tensors) {
      const { name, type, dims } = tensor;
      const source = new StoredSource(tensor, model.path, paths);
      constants.#views.set(name, dims.length <= MAX_RANK ? viewOf(type, dims, source) : undefined);
      if (tensor.data || !source.isReadable || tensor.bytes > Math.min(MAX_LOADED_BYTES, left)) continue;
      signal?.throwIfAborted();
      left -= tensor.bytes;
      await source.load();
    }
    return constants;
  }

  /** Whether `name` depends on no input. It may still be of an operator that nobody computes here. */
  isConstant(name: string): boolean {
    return this.#constant.has(name);
  }

  /** A constant of at most 2^18 elements; undefined for larger ones, inputs, and operators that nobody computes here. */
  value(name: string): ConstantValue | undefined {
    const view = this.view(name);
    return view && this.values(view);
  }

  /** A constant of floats, however large; undefined for what is none. */
  weight(name: string): Weight | undefined {
    const view = this.view(name);
    if (!view || !isFloat(view.type)) return undefined;
    if (elementCount(view.dims) > Math.max(view.source.count, MAX_VALUE_ELEMENTS)) return undefined;
    const place = placeOf(view);
    return {
      dims: view.dims,
      type: view.type === 'float64' ? 'float32' : (view.type as Weight['type']),
      ...(place && view.type !== 'float64' && { place }),
      read: async () => {
        const values = await readValues(view);
        return values instanceof Float32Array ? values : Float32Array.from(values);
      },
    };
  }

  /**
   * What `node` makes of `inputs`, which need not be constants; undefined where nobody knows how to compute it.
   * Throws `model_invalid` for sizes beyond every bound.
   */
  apply(node: OnnxNode, inputs: readonly (View | undefined)[]): readonly (View | undefined)[] {
    const isKnown = node.inputs.every((input, at) => input === '' || inputs[at] !== undefined);
    const operation = Object.hasOwn(OPERATIONS, node.operator) ? OPERATIONS[node.operator] : undefined;
    const call = { node, inputs, opset: this.#opset, workshop: this.#workshop };
    const results = isKnown && isPure(node) ? operation?.(call) : undefined;
    return node.outputs.map((_, at) => {
      const result = results?.[at];
      return result && result.dims.length <= MAX_RANK ? result : undefined;
    });
  }

  /** Elements that are few and in memory. */
  values(view: View): ConstantValue | undefined {
    const values = this.#workshop.values(view);
    return values && { type: view.type, dims: view.dims, values };
  }

  /** A constant; undefined where nobody knows how to compute it. Chains of any length are gone through. */
  view(name: string): View | undefined {
    if (!this.#constant.has(name)) return undefined;
    const open = [name];
    while (open.length > 0) {
      const next = open.at(-1)!;
      const node = this.#views.has(next) ? undefined : this.#links.origin(next)?.node;
      const missing = node?.inputs.filter((input) => input !== '' && !this.#views.has(input)) ?? [];
      for (const input of missing) open.push(input);
      if (missing.length > 0) continue;
      if (node) this.#compute(node);
      open.pop();
    }
    return this.#views.get(name);
  }

  #compute(node: OnnxNode): void {
    const inputs = node.inputs.map((input) => (input === '' ? undefined : this.#views.get(input)));
    const results = this.apply(node, inputs);
    for (const [at, output] of node.outputs.entries()) if (output) this.#views.set(output, results[at]);
  }
}

/** Whether a node gives the same for the same inputs, and its inputs are all that it takes. */
function isPure({ operator, domain, attributes }: OnnxNode): boolean {
  const isRandom = /^(Random|Bernoulli|Multinomial)/.test(operator);
  const holdsGraph = [...attributes.values()].some(({ kind }) => kind === 'graph' || kind === 'graphs');
  return domain === '' && !isRandom && !holdsGraph;
}

function placeOf(view: View): Place | undefined {
  const { source, dims, offset } = view;
  if (!(source instanceof StoredSource) || !source.place || source.type !== view.type) return undefined;
  if (!isContiguous(view)) return undefined;
  const width = source.place.length / source.count;
  return {
    path: source.place.path,
    offset: source.place.offset + offset * width,
    length: elementCount(dims) * width,
  };
}
