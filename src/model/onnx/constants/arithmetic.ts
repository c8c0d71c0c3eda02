import { attribute } from '../attributes.ts';
import { elementName } from '../elements.ts';
import { broadcast, commonShape, type Elements, type View } from './view.ts';
import { type Call, isFloat, isInteger, type Operation } from './workshop.ts';

type Binary = (a: number, b: number) => number;

/** Operators that compute each element from the elements at its place. */
export const ARITHMETIC: Readonly<Record<string, Operation>> = {
  Add: numeric((a, b) => a + b),
  Sub: numeric((a, b) => a - b),
  Mul: numeric((a, b) => a * b),
  Div: (call) =>
    numeric(isFloat(call.inputs[0]?.type ?? '') ? (a, b) => a / b : (a, b) => Math.trunc(a / b))(call),
  Mod: (call) => {
    const isFmod = attribute(call.node, 'fmod', 'integer') === 1;
    return numeric(isFmod ? (a, b) => a % b : (a, b) => ((a % b) + b) % b)(call);
  },
  Pow: (call) => {
    const [base] = call.inputs;
    return base && isNumber(base.type) ? elementwise(call, base.type, (a, b) => a ** b) : undefined;
  },
  Min: numeric((a, b) => Math.min(a, b)),
  Max: numeric((a, b) => Math.max(a, b)),
  Equal: (call) => (sameType(call) ? elementwise(call, 'bool', (a, b) => Number(a === b)) : undefined),
  Less: compared((a, b) => a < b),
  LessOrEqual: compared((a, b) => a <= b),
  Greater: compared((a, b) => a > b),
  GreaterOrEqual: compared((a, b) => a >= b),
  And: logical((a, b) => a & b),
  Or: logical((a, b) => a | b),
  Xor: logical((a, b) => a ^ b),
  Not: unary(
    (x) => 1 - x,
    (type) => type === 'bool',
  ),
  Neg: unary((x) => -x, isNumber),
  Abs: unary(Math.abs, isNumber),
  Sign: unary(Math.sign, isNumber),
  Sqrt: unary(Math.sqrt, isFloat),
  Reciprocal: unary((x) => 1 / x, isFloat),
  Floor: unary(Math.floor, isFloat),
  Ceil: unary(Math.ceil, isFloat),
  Exp: unary(Math.exp, isFloat),
  Log: unary(Math.log, isFloat),
  Where: where,
  Cast: (call) => cast(call, elementName(attribute(call.node, 'to', 'integer') ?? 0)),
  CastLike: (call) => cast(call, call.inputs[1]?.type ?? ''),
};

function isNumber(type: string): boolean {
  return isFloat(type) || isInteger(type);
}

function sameType({ inputs }: Call): boolean {
  return inputs.length > 0 && inputs.every((input) => input !== undefined && input.type === inputs[0]?.type);
}

/** Of two or more inputs, from the left; one input passes. */
function numeric(compute: Binary): Operation {
  return (call) => {
    const type = call.inputs[0]?.type ?? '';
    return sameType(call) && isNumber(type) ? elementwise(call, type, compute) : undefined;
  };
}

function compared(holds: (a: number, b: number) => boolean): Operation {
  return (call) => (sameType(call) ? elementwise(call, 'bool', (a, b) => Number(holds(a, b))) : undefined);
}

function logical(compute: Binary): Operation {
  return (call) =>
    sameType(call) && call.inputs[0]?.type === 'bool' ? elementwise(call, 'bool', compute) : undefined;
}

function elementwise(call: Call, type: string, compute: Binary): readonly View[] | undefined {
  const [first, ...rest] = call.inputs;
  let result = first;
  for (const next of rest) {
    const dims = result && next && commonShape(result.dims, next.dims);
    const operands = dims && [spread(result!, dims), spread(next!, dims)];
    result =
      operands &&
      call.workshop.make(type, dims, operands, ([a, b], to) => {
        for (let i = 0; i < to.length; i++) to[i] = compute(at(a!, i), at(b!, i));
      });
  }
  return result && [result];
}

/** Broadcast to `dims`; a single element stays one. */
function spread(view: View, dims: readonly number[]): View {
  return view.dims.every((dim) => dim === 1) ? view : broadcast(view, dims)!;
}

function at(values: Elements, index: number): number {
  return values.length === 1 ? values[0]! : values[index]!;
}

function unary(compute: (x: number) => number, takes: (type: string) => boolean): Operation {
  return ({ workshop, inputs: [x] }) => {
    if (!x || !takes(x.type)) return undefined;
    const made = workshop.make(x.type, x.dims, [x], ([from], to) => {
      for (let i = 0; i < to.length; i++) to[i] = compute(from![i]!);
    });
    return made && [made];
  };
}

function where({ workshop, inputs: [condition, x, y] }: Call): readonly View[] | undefined {
  if (condition?.type !== 'bool' || !x || x.type !== y?.type) return undefined;
  const values = commonShape(x.dims, y.dims);
  const dims = values && commonShape(condition.dims, values);
  if (!dims) return undefined;
  const operands = [condition, x, y].map((view) => spread(view, dims));
  const made = workshop.make(x.type, dims, operands, ([choose, a, b], to) => {
    for (let i = 0; i < to.length; i++) to[i] = at(choose!, i) ? at(a!, i) : at(b!, i);
  });
  return made && [made];
}

function cast({ workshop, inputs: [x] }: Call, type: string): readonly View[] | undefined {
  if (!x) return undefined;
  if (x.type === type) return [x];
  if (!isNumber(x.type) && x.type !== 'bool') return undefined;
  const convert = converter(type);
  const made =
    convert &&
    workshop.make(type, x.dims, [x], ([from], to) => {
      for (let i = 0; i < to.length; i++) to[i] = convert(from![i]!);
    });
  return made && [made];
}

function converter(type: string): ((x: number) => number) | undefined {
  if (isFloat(type)) return (x) => x;
  if (isInteger(type)) return Math.trunc;
  return type === 'bool' ? (x) => Number(x !== 0) : undefined;
}
