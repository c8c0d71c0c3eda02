import {
  attribute,
  bytes,
  type NodeSpec,
  number,
  onnx,
  type TensorSpec,
  type TypeName,
  tensor,
} from '../onnx-writer.ts';

/** Type, shape and elements, row-major; infinities as texts. */
export type TensorLine = [type: TypeName, dims: number[], values: (number | boolean | string)[]];
type AttributeLine = number | string | number[] | { float: number } | { tensor: TensorLine };
export type NodeLine = [
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes?: Record<string, AttributeLine>,
];

/** One line of goldens/constants.json. */
export interface Golden {
  readonly name: string;
  readonly opset: number;
  readonly tensors: Readonly<Record<string, TensorLine>>;
  readonly nodes: readonly NodeLine[];
  readonly expected: Readonly<Record<string, TensorLine>>;
}

/** An ONNX file of a graph without inputs. */
export function constantModel({ opset, tensors, nodes }: Omit<Golden, 'name' | 'expected'>): Buffer {
  const spec = {
    tensors: Object.entries(tensors).map(([name, line]) => tensorSpec(name, line)),
    nodes: nodes.map(nodeSpec),
  };
  return onnx(spec, opset);
}

export function nodeSpec([operator, inputs, outputs, attributes = {}]: NodeLine): NodeSpec {
  const fields = Object.entries(attributes).map(([name, value]) => encode(name, value));
  return { operator, inputs, outputs, fields };
}

export function tensorSpec(name: string, [type, dims, values]: TensorLine): TensorSpec {
  return { name, type, dims, raw: toBytes(type, values.map(Number)) };
}

/** Bits of a number that IEEE half precision holds exactly. */
function half(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | ((size / 2 ** exponent - 1) * 1024);
}

export function toBytes(type: TypeName, values: readonly number[]): Uint8Array {
  if (type === 'float16') return new Uint8Array(Uint16Array.from(values, half).buffer);
  if (type === 'bool' || type === 'uint8') return Uint8Array.from(values);
  if (type === 'int64') {
    const largest = 2n ** 63n - 1n;
    const whole = values.map((value) => (value >= 2 ** 63 ? largest : BigInt(value)));
    return new Uint8Array(BigInt64Array.from(whole).buffer);
  }
  const kinds = { float32: Float32Array, float64: Float64Array, int32: Int32Array };
  return new Uint8Array(new kinds[type as keyof typeof kinds](values).buffer);
}

function encode(name: string, value: AttributeLine): Buffer {
  if (typeof value === 'number') return attribute(name, 2, number(3, value));
  if (typeof value === 'string') return attribute(name, 3, bytes(4, value));
  if (Array.isArray(value)) return attribute(name, 7, ...value.map((item) => number(8, item)));
  if ('tensor' in value) return attribute(name, 4, bytes(5, tensor(tensorSpec('', value.tensor))));
  const single = Buffer.alloc(4);
  single.writeFloatLE(value.float);
  return attribute(name, 1, Buffer.from([(2 << 3) | 5]), single);
}
