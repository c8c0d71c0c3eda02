import { ClipError } from '../errors.ts';

/**
 * Numbers of a vector, named as Cohere, Jina and sentence-transformers name them. `binary` and `ubinary` hold a bit for each
 * component, eight to a number.
 */
export const EMBEDDING_TYPES = ['float32', 'float16', 'int8', 'uint8', 'binary', 'ubinary'] as const;
export type EmbeddingType = (typeof EMBEDDING_TYPES)[number];

/** The form in which a request wants its vectors. */
export interface OutputForm {
  readonly type: EmbeddingType;
  /** Components that are kept, from the first on; absent: all. */
  readonly dimensions?: number;
  /** Divide what is kept by its length. */
  readonly normalise: boolean;
  /** Where the protocol is of text: the numbers' little-endian bytes as standard base64, instead of a list. */
  readonly base64: boolean;
  /** What the client should know of what it asked for. */
  readonly warning?: string;
}

/** What must be known of a model to judge a form; a `ServiceDescription` is one. */
export interface FormModel {
  readonly model: string;
  /** Components of its vectors. */
  readonly width: number;
  /** Lengths, in components, that it was trained to be cut to (Matryoshka). */
  readonly matryoshkaDimensions?: readonly number[];
}

/** The vectors as the engines give them. */
export const RAW_FORM: OutputForm = { type: 'float32', normalise: false, base64: false };

/** A parameter of the form that cannot be had. */
export class FormError extends ClipError {
  readonly parameter: string;

  constructor(parameter: string, fault: string) {
    super('invalid_request', `${parameter}: ${fault}`);
    this.parameter = parameter;
  }
}

const NORMALISE = ['normalize', 'normalise'] as const;
/** OpenAI's and Cohere's word for what NumPy calls float32. */
const FLOAT = 'float';
const ENCODINGS = [FLOAT, 'base64'] as const;
const MOST_QUOTED = 40;

/**
 * The form that a request's parameters state: `normalize` (or `normalise`), `dimensions`, `embedding_type` and
 * `encoding_format`; one that is null counts as absent. Vectors that are cut, and those of int8 and uint8, are normalised
 * without being asked.
 *
 * @returns RAW_FORM itself where nothing else is asked for
 * @throws FormError
 */
export function readForm(parameters: Readonly<Record<string, unknown>>, model: FormModel): OutputForm {
  const given = (name: string) =>
    Object.hasOwn(parameters, name) ? (parameters[name] ?? undefined) : undefined;
  const type = readType(given('embedding_type'));
  const dimensions = readDimensions('dimensions', given('dimensions'), model.width);
  const wanted = readNormalise(given(NORMALISE[0]), given(NORMALISE[1]));
  const base64 = readEncoding(given('encoding_format'));
  const scaled = type === 'int8' || type === 'uint8';
  if (scaled && wanted === false)
    throw new FormError('normalize', `expected true, or nothing, with embedding_type ${type}, got false`);
  const normalise = wanted ?? (dimensions !== undefined || scaled);
  if (type === 'float32' && dimensions === undefined && !normalise && !base64) return RAW_FORM;
  const warning = dimensions === undefined ? undefined : warningOf(dimensions, model);
  return { type, normalise, base64, ...(dimensions && { dimensions }), ...(warning && { warning }) };
}

function readType(value: unknown): EmbeddingType {
  if (value === undefined || value === FLOAT) return 'float32';
  const type = EMBEDDING_TYPES.find((name) => name === value);
  if (type) return type;
  const hint = value === 'base64' ? '; encoding_format takes base64' : '';
  throw new FormError(
    'embedding_type',
    `expected one of ${EMBEDDING_TYPES.join(', ')}, got ${quote(value)}${hint}`,
  );
}

/** @param name what the request calls it. @throws FormError */
export function readDimensions(name: string, value: unknown, width: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= width) return value;
  throw new FormError(name, `expected a whole number from 1 to ${width}, got ${quote(value)}`);
}

function readNormalise(...values: readonly unknown[]): boolean | undefined {
  for (const [i, value] of values.entries()) {
    if (value !== undefined && typeof value !== 'boolean')
      throw new FormError(NORMALISE[i]!, `expected true or false, got ${quote(value)}`);
  }
  const [first, second] = values as (boolean | undefined)[];
  if (first !== undefined && second !== undefined && first !== second)
    throw new FormError(NORMALISE[1], `expected the same as ${NORMALISE[0]}, ${first}, got ${second}`);
  return first ?? second;
}

function readEncoding(value: unknown): boolean {
  if (value === undefined || value === FLOAT) return false;
  if (value === 'base64') return true;
  throw new FormError('encoding_format', `expected one of ${ENCODINGS.join(', ')}, got ${quote(value)}`);
}

function warningOf(
  dimensions: number,
  { model, width, matryoshkaDimensions = [] }: FormModel,
): string | undefined {
  if (dimensions === width || matryoshkaDimensions.includes(dimensions)) return undefined;
  const trained = matryoshkaDimensions.length === 0 ? 'none' : matryoshkaDimensions.join(', ');
  return `${model} is not trained for vectors of ${dimensions} dimensions instead of ${width} (${trained} declared): what they find is worse than it could be`;
}

function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MOST_QUOTED));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : `an ${typeof value}`;
}
