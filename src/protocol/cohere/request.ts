import { type OutputForm, readDimensions, readForm } from '../../service/form.ts';
import type { Item, ServiceDescription } from '../../service/item.ts';
import { describe } from '../jina/field-error.ts';
import { isObject } from '../jina/parse-fields.ts';
import { bodyObject } from '../openai/embed.ts';
import { checkCount, picture, text } from '../openai/input.ts';
import { checkModel } from '../openai/model-name.ts';
import { ParameterError } from '../openai/parameter-error.ts';
import { EMBEDDING_TYPES, type EmbeddingType, INPUT_TYPES, TRUNCATES } from './schemas.ts';

/** The keys of which a request has one. */
const LISTS = ['texts', 'images', 'inputs'] as const;

type Body = Readonly<Record<string, unknown>>;

export interface CohereRequest {
  readonly items: readonly Item[];
  /** Where an item stands in the body. */
  readonly nameOf: (index: number) => string;
  readonly forms: readonly { readonly type: EmbeddingType; readonly form: OutputForm }[];
  /** What the answer repeats; absent where no `texts` came. */
  readonly texts?: readonly string[];
}

/**
 * The body of `POST /v2/embed`. Vectors have length 1.
 *
 * @throws ParameterError, FormError; ClipError too_many_items
 */
export function readRequest(body: unknown, model: ServiceDescription, maxItems: number): CohereRequest {
  const given = bodyObject(body);
  checkModel(given.model, model);
  readOneOf('input_type', given.input_type, INPUT_TYPES);
  const whole = readOneOf('truncate', given.truncate ?? 'END', TRUNCATES) === 'NONE';
  checkUnserved(given);
  const forms = readForms(given, model);
  const { list, values } = readList(given);
  checkCount(list, values.length, maxItems);
  const nameOf = (index: number) => `${list}[${index}]`;
  const items = values.map((value, i) => {
    const item = readItem(list, value, nameOf(i));
    return whole && item.kind === 'text' ? { ...item, whole } : item;
  });
  return { items, nameOf, forms, ...(list === 'texts' && { texts: values as string[] }) };
}

function readOneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found) return found;
  const got = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : describe(value);
  throw new ParameterError(name, `expected one of ${known.join(', ')}, got ${got}`);
}

/** What would change the vectors and is not had here is refused; `priority` changes none. */
function checkUnserved({ max_tokens = null, priority = null }: Body): void {
  if (max_tokens !== null)
    throw new ParameterError('max_tokens', `expected none, for texts are cut at the model's context alone`);
  if (priority !== null && !Number.isInteger(priority))
    throw new ParameterError('priority', `expected a whole number, got ${describe(priority)}`);
}

function readForms(
  { embedding_types, output_dimension }: Body,
  model: ServiceDescription,
): CohereRequest['forms'] {
  const types = embedding_types ?? ['float'];
  if (!Array.isArray(types) || types.length === 0)
    throw new ParameterError('embedding_types', 'expected a list of at least one type, got none');
  const dimensions = readDimensions('output_dimension', output_dimension, model.width);
  const wanted = types.map((type, i) => readOneOf(`embedding_types[${i}]`, type, EMBEDDING_TYPES));
  return [...new Set(wanted)].map((type) => {
    const form = type === 'base64' ? { encoding_format: type } : { embedding_type: type };
    return { type, form: readForm({ ...form, dimensions, normalize: true }, model) };
  });
}

function readList(given: Body): { list: (typeof LISTS)[number]; values: readonly unknown[] } {
  const came = LISTS.filter((name) => (given[name] ?? null) !== null);
  const [list] = came;
  if (list === undefined || came.length > 1)
    throw new ParameterError(
      list ?? LISTS[0],
      `expected one of ${LISTS.join(', ')}, got ${came.join(' and ') || 'none'}`,
    );
  const values = given[list];
  if (!Array.isArray(values)) throw new ParameterError(list, `expected a list, got ${describe(values)}`);
  if (values.length === 0) throw new ParameterError(list, 'expected at least one, got an empty list');
  return { list, values };
}

function readItem(list: (typeof LISTS)[number], value: unknown, where: string): Item {
  if (list === 'inputs') return readInput(value, where);
  const read = list === 'texts' ? text : picture;
  return read(readString(value, where), where);
}

/** CLIP has no vector for a text and a picture together, so one part is all that an input may have. */
function readInput(input: unknown, where: string): Item {
  const content = isObject(input) ? input.content : undefined;
  if (!Array.isArray(content))
    throw new ParameterError(`${where}.content`, `expected a list, got ${describe(content)}`);
  if (content.length !== 1)
    throw new ParameterError(
      `${where}.content`,
      `expected one part, for the model has no vector of several together, got ${content.length}`,
    );
  const at = `${where}.content[0]`;
  const part: Body = isObject(content[0]) ? content[0] : {};
  const type = readOneOf(`${at}.type`, part.type, ['text', 'image_url']);
  if (type === 'text') return text(readString(part.text, `${at}.text`), `${at}.text`);
  const url = isObject(part.image_url) ? part.image_url.url : undefined;
  return picture(readString(url, `${at}.image_url.url`), `${at}.image_url.url`);
}

function readString(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw new ParameterError(where, `expected a string, got ${describe(value)}`);
}
