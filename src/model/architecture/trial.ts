import type { Constants, ConstantValue } from '../onnx/constants/constants.ts';
import { type View, viewOfValues } from '../onnx/constants/view.ts';
import { elementCount } from '../onnx/elements.ts';
import type { GraphLinks } from '../onnx/links.ts';
import type { OnnxNode } from '../onnx/types.ts';
import type { TowerContract } from '../tower.ts';
import { type Dims, inferShapes, type Known } from './shapes.ts';

/** What recognition needs to know of a contract. */
export type Port = Pick<
  TowerContract,
  'tower' | 'input' | 'mask' | 'output' | 'contextLength' | 'resolution' | 'layout' | 'fixedBatch'
>;

/** Rows of the trial where the graph leaves them open; not 1, which may mean other things. */
const ROWS = 2;
/** Shapes and lists of axes have at most eight numbers; a class token is of no interest here. */
const MAX_NUMBERS = 64;

/**
 * One run of a graph without its arithmetic: full rows of ids, or pictures, of which only the shape is followed through
 * the hidden states. Everything else (shape arithmetic, masks, positions) is computed.
 */
export class Trial {
  readonly #constants: Constants;
  readonly #dims = new Map<string, Dims>();
  readonly #views = new Map<string, View>();

  /** `nodes` come sorted; `isHidden` tells the hidden states. */
  constructor(
    links: GraphLinks,
    constants: Constants,
    nodes: readonly OnnxNode[],
    port: Port,
    isHidden: (value: string) => boolean,
  ) {
    this.#constants = constants;
    for (const input of links.model.inputs) this.#feed(input.name, input.dims, port);
    for (const { name, dims } of links.model.tensors) this.#dims.set(name, dims);
    for (const node of nodes) this.#follow(node, isHidden);
  }

  dims(value: string): Dims | undefined {
    return this.#dims.get(value);
  }

  /** Elements of what is no hidden state; undefined where they are many, or nobody knows how to compute them. */
  values(value: string): ConstantValue | undefined {
    const view = this.#view(value);
    return view && this.#constants.values(view);
  }

  /** The same as a list, row-major, where it is short. */
  numbers(value: string): readonly number[] | undefined {
    const view = this.#view(value);
    if (!view || elementCount(view.dims) > MAX_NUMBERS) return undefined;
    const values = this.#constants.values(view)?.values;
    return values && [...values];
  }

  #feed(name: string, stated: readonly (number | string)[] | undefined, port: Port): void {
    const rows = port.fixedBatch ?? ROWS;
    const { contextLength = 1, resolution = 1 } = port;
    const ids = name === port.input.name && port.tower === 'text' ? port.input : undefined;
    const given = ids ?? (name === port.mask?.name ? port.mask : undefined);
    if (given) {
      const values = new Float64Array(rows * contextLength).fill(1);
      this.#set(name, viewOfValues(given.type, [rows, contextLength], values));
    } else if (name === port.input.name) {
      const side = [resolution, resolution];
      this.#dims.set(name, port.layout === 'nhwc' ? [rows, ...side, 3] : [rows, 3, ...side]);
    } else if (stated)
      this.#dims.set(
        name,
        stated.map((dim) => (typeof dim === 'number' ? dim : undefined)),
      );
  }

  #follow(node: OnnxNode, isHidden: (value: string) => boolean): void {
    const shape = node.operator === 'Shape' ? this.#shapeOf(node) : undefined;
    if (shape) {
      this.#set(node.outputs[0]!, shape);
      return;
    }
    const isComputed = !node.outputs.some(isHidden);
    const views = isComputed
      ? this.#constants.apply(
          node,
          node.inputs.map((input) => (input ? this.#view(input) : undefined)),
        )
      : [];
    const known = (input: string): Known => {
      const numbers = this.numbers(input);
      const dims = this.#dims.get(input);
      return { ...(dims && { dims }), ...(numbers && { numbers }) };
    };
    const shapes = views.every(Boolean) && isComputed ? [] : inferShapes(node, node.inputs.map(known));
    for (const [at, output] of node.outputs.entries()) {
      const [view, dims] = [views[at], shapes[at]];
      if (view) this.#set(output, view);
      else if (dims) this.#dims.set(output, dims);
    }
  }

  /** Of a Shape node, where the shape is known. */
  #shapeOf(node: OnnxNode): View | undefined {
    const dims = this.#dims.get(node.inputs[0]!);
    const isWhole = dims?.every((dim): dim is number => dim !== undefined);
    if (!isWhole) return undefined;
    const like = viewOfValues('float32', dims as readonly number[], new Float32Array());
    return this.#constants.apply(node, [like])[0];
  }

  #set(name: string, view: View): void {
    this.#views.set(name, view);
    this.#dims.set(name, view.dims);
  }

  #view(name: string): View | undefined {
    return this.#views.get(name) ?? this.#constants.view(name);
  }
}
