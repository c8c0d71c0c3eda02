import type { Tensor } from '../../service/item.ts';
import { describe, FieldError, type Location } from './field-error.ts';

type Nested = readonly unknown[];

/**
 * A nested list of numbers as one flat array, row-major, in the smallest type that holds every number exactly.
 *
 * @throws FieldError where rows differ in length or depth, or a member is no finite number
 */
export function tensorFromLists(value: unknown, at: Location): Tensor {
  if (!Array.isArray(value))
    throw new FieldError(at, `expected a list of numbers, got ${describe(value)}`, 'type_error');
  const shape = shapeOf(value);
  checkRows(value, shape, 0, at);
  const numbers = new Float64Array(shape.reduce((product, length) => product * length, 1));
  fill(value, shape.length - 1, numbers, 0, at);
  return { shape, data: narrow(numbers) };
}

/** Back to nested lists, as JSON text. */
export function tensorToJson({ shape, data }: Tensor, print: (value: number) => string): string {
  let next = 0;
  const level = (depth: number): string => {
    const parts: string[] = [];
    for (let i = 0; i < shape[depth]!; i += 1)
      parts.push(depth === shape.length - 1 ? print(data[next++]!) : level(depth + 1));
    return `[${parts.join(',')}]`;
  };
  return level(0);
}

function shapeOf(value: Nested): number[] {
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

/** Before anything is reserved: the shape's product is only then what the request really holds. */
function checkRows(value: Nested, shape: readonly number[], depth: number, at: Location): void {
  if (depth === shape.length - 1) return;
  for (const row of value) {
    if (!Array.isArray(row) || row.length !== shape[depth + 1]) {
      const came = Array.isArray(row) ? `a row of ${row.length}` : describe(row);
      throw new FieldError(
        at,
        `expected rows of equal length (${shape.join('×')}), got ${came}`,
        'type_error',
      );
    }
    checkRows(row, shape, depth + 1, at);
  }
}

function fill(value: Nested, levels: number, into: Float64Array, start: number, at: Location): number {
  let next = start;
  for (const member of value) {
    if (levels > 0) next = fill(member as Nested, levels - 1, into, next, at);
    else if (typeof member === 'number' && Number.isFinite(member)) into[next++] = member;
    else throw new FieldError(at, `expected finite numbers, got ${describe(member)}`, 'type_error');
  }
  return next;
}

function narrow(numbers: Float64Array): Tensor['data'] {
  let bytes = true;
  for (const value of numbers) {
    if (!Number.isInteger(value) || Math.abs(value) > 0x7fffffff || Object.is(value, -0)) return numbers;
    if (value < 0 || value > 255) bytes = false;
  }
  return bytes ? Uint8Array.from(numbers) : Int32Array.from(numbers);
}
