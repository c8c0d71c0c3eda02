import type { Constants, ConstantValue } from '../onnx/constants/constants.ts';
import { type View, viewOfValues } from '../onnx/constants/view.ts';
import { elementCount } from '../onnx/elements.ts';
import type { OnnxModel, OnnxNode } from '../onnx/types.ts';
import type { TowerContract } from '../tower.ts';
import { type Dims, inferShapes, type Known } from './shapes.ts';

/** What recognition needs to know of a contract. */
export type Port = Pick<
  TowerContract,
  'tower' | 'input' | 'mask' | 'output' | 'contextLength' | 'resolution' | 'layout' | 'fixedBatch'
>;

/** Operators that arrange elements anew, or change their type. */
const ARRANGING = new Set(['Identity', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Cast']);
/** What makes a hidden state out of ids or pixels. */
const PRODUCTS = /^(MatMul|Gemm|Conv|FusedMatMul|Einsum|Attention|MultiHeadAttention)$/;

/** Rows of the trial where the graph leaves them open; not 1, which may mean other things. */
const ROWS = 2;
const FLOAT32 = 1;
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
  readonly #hidden = new Set<string>();
  /** The ids, however arranged. */
  readonly #ids = new Set<string>();

  /** Feeds the inputs; then each node is to be followed once, after those whose results it takes. */
  constructor(model: OnnxModel, constants: Constants, port: Port) {
    this.#constants = constants;
    this.#ids.add(port.input.name);
    for (const input of model.inputs) this.#feed(input.name, input.dims, port);
    for (const { name, dims } of model.tensors) this.#dims.set(name, dims);
  }

  follow(stated: OnnxNode): void {
    const node = this.#view(stated.inputs[1] ?? '') ? stated : withoutLike(stated);
    const shape = node.operator === 'Shape' ? this.#shapeOf(node) : undefined;
    if (shape) {
      this.set(node.outputs[0]!, shape);
      return;
    }
    if (ARRANGING.has(node.operator) && this.#ids.has(node.inputs[0]!)) this.#ids.add(node.outputs[0]!);
    const isHidden = this.#makesHidden(node);
    const views = isHidden ? [] : this.#apply(node);
    const isComputed = !isHidden && views.every(Boolean);
    const shapes = isComputed
      ? []
      : inferShapes(
          node,
          node.inputs.map((input) => this.#knownOf(input)),
        );
    for (const [at, output] of node.outputs.entries()) {
      if (isHidden) this.#hidden.add(output);
      const [view, dims] = [views[at], shapes[at]];
      if (view) this.set(output, view);
      else if (dims) this.#dims.set(output, dims);
    }
  }

  /** Whether a product with weights or a look-up of tokens went into `value`, other than by its shape. */
  isHidden(value: string): boolean {
    return this.#hidden.has(value);
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

  /** States what a value is. */
  set(name: string, view: View): void {
    this.#views.set(name, view);
    this.#dims.set(name, view.dims);
  }

  #feed(name: string, stated: readonly (number | string)[] | undefined, port: Port): void {
    const rows = port.fixedBatch ?? ROWS;
    const { contextLength = 1, resolution = 1 } = port;
    const ids = name === port.input.name && port.tower === 'text' ? port.input : undefined;
    const given = ids ?? (name === port.mask?.name ? port.mask : undefined);
    if (given) {
      const values = new Float64Array(rows * contextLength).fill(1);
      this.set(name, viewOfValues(given.type, [rows, contextLength], values));
    } else if (name === port.input.name) {
      const side = [resolution, resolution];
      this.#dims.set(name, port.layout === 'nhwc' ? [rows, ...side, 3] : [rows, 3, ...side]);
    } else if (stated)
      this.#dims.set(
        name,
        stated.map((dim) => (typeof dim === 'number' ? dim : undefined)),
      );
  }

  #apply(node: OnnxNode): readonly (View | undefined)[] {
    return this.#constants.apply(
      node,
      node.inputs.map((input) => (input ? this.#view(input) : undefined)),
    );
  }

  #knownOf(input: string): Known {
    const numbers = this.numbers(input);
    const dims = this.#dims.get(input);
    return { ...(dims && { dims }), ...(numbers && { numbers }) };
  }

  #makesHidden({ operator, inputs }: OnnxNode): boolean {
    if (operator === 'Shape' || inputs.every((name) => !name || this.#constants.isConstant(name)))
      return false;
    if (PRODUCTS.test(operator) || inputs.some((name) => this.#hidden.has(name))) return true;
    return (
      operator === 'Gather' && this.#ids.has(inputs[1]!) && this.#constants.weight(inputs[0]!) !== undefined
    );
  }

  /** Of a Shape node, where the shape is known. */
  #shapeOf(node: OnnxNode): View | undefined {
    const dims = this.#dims.get(node.inputs[0]!);
    const isWhole = dims?.every((dim): dim is number => dim !== undefined);
    if (!isWhole) return undefined;
    const like = viewOfValues('float32', dims as readonly number[], new Float32Array());
    return this.#constants.apply(node, [like])[0];
  }

  #view(name: string): View | undefined {
    return this.#views.get(name) ?? this.#constants.view(name);
  }
}

/** Cast for CastLike to the type of pixels or a hidden state: which of the floating-point types is of no account here. */
function withoutLike(node: OnnxNode): OnnxNode {
  if (node.operator !== 'CastLike') return node;
  const attributes = new Map([['to', { kind: 'integer', value: FLOAT32 } as const]]);
  return { ...node, operator: 'Cast', inputs: node.inputs.slice(0, 1), attributes };
}
