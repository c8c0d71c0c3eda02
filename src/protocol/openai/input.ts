import { ClipError } from '../../errors.ts';
import type { Item } from '../../service/item.ts';
import { decodeBase64 } from '../jina/base64.ts';
import { describe } from '../jina/field-error.ts';
import { isObject } from '../jina/parse-fields.ts';
import { ParameterError } from './parameter-error.ts';

const PICTURE = /^\s*data:image\//i;
/** What is loaded, and not decoded here. */
const ADDRESS = /^\s*(?:data:|https?:)/i;
const EXPECTED = 'a text, a list of token ids, {"text": …} or {"image": …}';

export interface InputOptions {
  readonly maxItems: number;
  /** Infinity's word for what plain strings are; absent: texts, but for `data:image/…`. */
  readonly modality?: 'text' | 'image';
}

/**
 * `input` of OpenAI's API, and of Jina's and Infinity's that extend it: one item or a list of them. A string is a text, or a
 * picture where it is a data URI of one; a list of numbers is one text as token ids.
 *
 * @throws ParameterError; ClipError too_many_items
 */
export function readInput(input: unknown, options: InputOptions): Item[] {
  if (input === undefined || input === null)
    throw new ParameterError('input', `expected ${EXPECTED}, got none`);
  if (!isList(input)) return [readItem(input, 'input', options)];
  if (input.length === 0) throw new ParameterError('input', 'expected at least one item, got an empty list');
  checkCount('input', input.length, options.maxItems);
  return input.map((item, i) => readItem(item, `input[${i}]`, options));
}

/** @throws ClipError too_many_items */
export function checkCount(where: string, items: number, most: number): void {
  if (items > most)
    throw new ClipError(
      'too_many_items',
      `${where}: expected at most ${most} items (limit items_per_request), got ${items}`,
    );
}

/** Whether it holds several items, and not one. */
export function isList(input: unknown): input is readonly unknown[] {
  return Array.isArray(input) && typeof input[0] !== 'number';
}

function readItem(item: unknown, where: string, { modality }: InputOptions): Item {
  if (typeof item === 'string')
    return modality === 'image' || (!modality && PICTURE.test(item))
      ? picture(item, where)
      : text(item, where);
  if (Array.isArray(item)) return { kind: 'tokens', ids: readIds(item, where) };
  if (!isObject(item)) throw new ParameterError(where, `expected ${EXPECTED}, got ${describe(item)}`);
  const { text: words = null, image = null } = item;
  if ((words === null) === (image === null))
    throw new ParameterError(where, 'expected one of the keys text and image, got neither or both');
  const [key, value] = words === null ? ['image', image] : ['text', words];
  if (typeof value !== 'string')
    throw new ParameterError(`${where}.${key}`, `expected a string, got ${describe(value)}`);
  return key === 'text' ? text(value, `${where}.text`) : picture(value, `${where}.image`);
}

/** @throws ParameterError */
export function text(value: string, where: string): Extract<Item, { kind: 'text' }> {
  if (value === '') throw new ParameterError(where, 'expected a text, got an empty one');
  return { kind: 'text', text: value };
}

/** A URI, or else the base64 of a picture's file. @throws ParameterError */
export function picture(value: string, where: string): Item {
  if (ADDRESS.test(value)) return { kind: 'uri', uri: value };
  try {
    const bytes = decodeBase64(value, [where]);
    if (bytes.length > 0) return { kind: 'image', bytes };
  } catch {
    // Told below, as for what is empty.
  }
  throw new ParameterError(
    where,
    `expected a picture as data: URI, http(s) URL or base64, got ${value.length} characters of something else`,
  );
}

function readIds(item: readonly unknown[], where: string): number[] {
  const wrong = item.findIndex((id) => !Number.isSafeInteger(id));
  if (wrong >= 0)
    throw new ParameterError(`${where}[${wrong}]`, `expected a token id, got ${describe(item[wrong])}`);
  if (item.length === 0) throw new ParameterError(where, 'expected token ids, got an empty list');
  return item as number[];
}
