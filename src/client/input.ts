import type { Document } from '../protocol/jina/document.ts';
import type { Weight } from './batches.ts';
import { ClipClientError } from './error.ts';

interface Named {
  /** Comes back beside the result. For `index` and `search` it is the document's id. */
  readonly id?: string;
}

/** Numbers of a picture, [H, W, 3], [H, W, 4] (the fourth is dropped) or [H, W], row-major, 0 to 255. */
export interface TensorInput extends Named {
  readonly tensor: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array | Int32Array;
  readonly shape: readonly number[];
}

/**
 * What can be embedded. A string is always a text, whatever it looks like: files and addresses are named as such.
 *
 * `blob` are the bytes of a picture file; a Blob, such as a File of a browser, may stand alone. `uri` is fetched by the server,
 * `file` is read by the client (not in a browser).
 */
export type Input =
  | string
  | Blob
  | (Named & { readonly text: string })
  | (Named & { readonly blob: Uint8Array | ArrayBuffer | Blob })
  | (Named & { readonly uri: string })
  | (Named & { readonly file: string })
  | TensorInput;

/** Where files can be read. */
export interface Files {
  /** Bytes. */
  size(path: string): Promise<number>;
  read(path: string): Promise<Uint8Array>;
}

export function idOf(input: Input): string | undefined {
  return typeof input === 'object' && input !== null && 'id' in input ? input.id : undefined;
}

/** What the input will weigh in a request; 0 bytes for one that cannot be sent, which `load` tells. */
export async function weigh(input: Input, files: Files | undefined): Promise<Weight> {
  return { items: 1, bytes: await bytesOf(input, files) };
}

async function bytesOf(input: Input, files: Files | undefined): Promise<number> {
  if (typeof input === 'string') return input.length;
  if (input instanceof Blob) return input.size;
  if (typeof input !== 'object' || input === null) return 0;
  if ('file' in input) return (await files?.size(input.file).catch(() => 0)) ?? 0;
  if ('blob' in input) return input.blob instanceof Blob ? input.blob.size : (input.blob?.byteLength ?? 0);
  if ('tensor' in input) return input.tensor?.byteLength ?? 0;
  return ('text' in input ? input.text : input.uri)?.length ?? 0;
}

/** @throws ClipClientError invalid_input */
export async function load(input: Input, id: string, files: Files | undefined): Promise<Document> {
  if (typeof input === 'string') return { id, text: filled(input, 'a text') };
  if (input instanceof Blob) return { id, blob: await bytesFrom(input) };
  if (typeof input !== 'object' || input === null) throw wrong('an input', describe(input));
  if (input.id !== undefined && (typeof input.id !== 'string' || input.id === ''))
    throw wrong('an id that is a string with at least one character', describe(input.id));
  const kinds = ['text', 'blob', 'uri', 'file', 'tensor'].filter((kind) => Object.hasOwn(input, kind));
  if (kinds.length !== 1) throw wrong('one of text, blob, uri, file, tensor', kinds.join(' and ') || 'none');
  if ('text' in input) return { id, text: filled(input.text, 'a text') };
  if ('uri' in input) return { id, uri: filled(input.uri, 'a uri') };
  if ('blob' in input) return { id, blob: await bytesFrom(input.blob) };
  if ('file' in input) return { id, blob: await bytesFrom(await read(filled(input.file, 'a path'), files)) };
  return { id, tensor: tensorFrom(input) };
}

function filled(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(`${what} with at least one character`, describe(value));
}

async function read(path: string, files: Files | undefined): Promise<Uint8Array> {
  if (!files) throw wrong('a Blob or File (a browser has no paths)', `the file ${path}`);
  try {
    return await files.read(path);
  } catch (thrown) {
    throw new ClipClientError('invalid_input', `expected a readable file: ${(thrown as Error).message}`, {
      cause: thrown,
    });
  }
}

async function bytesFrom(content: unknown): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  if (content instanceof Uint8Array) bytes = content;
  else if (content instanceof ArrayBuffer) bytes = new Uint8Array(content);
  else if (content instanceof Blob) bytes = new Uint8Array(await content.arrayBuffer());
  if (!bytes) throw wrong('the bytes of a picture as Uint8Array, ArrayBuffer or Blob', describe(content));
  if (bytes.length === 0) throw wrong('the bytes of a picture', 'no bytes');
  return bytes;
}

function tensorFrom({ tensor, shape }: TensorInput): Document['tensor'] {
  // A view of the same memory: the wire knows bytes and makes no difference.
  const data =
    tensor instanceof Uint8ClampedArray
      ? new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.length)
      : tensor;
  if (
    !(data instanceof Uint8Array) &&
    !(data instanceof Float32Array) &&
    !(data instanceof Float64Array) &&
    !(data instanceof Int32Array)
  )
    throw wrong('a tensor as Uint8Array, Float32Array, Float64Array or Int32Array', describe(tensor));
  const lengths = Array.isArray(shape) ? shape : [];
  const count = lengths.reduce((product, length) => product * length, 1);
  if (
    lengths.length === 0 ||
    count !== data.length ||
    !lengths.every((n) => Number.isSafeInteger(n) && n > 0)
  )
    throw wrong(`a shape that holds the ${data.length} values of the tensor`, describe(shape));
  return { shape: lengths, data };
}

function wrong(expected: string, got: string): ClipClientError {
  return new ClipClientError('invalid_input', `expected ${expected}, got ${got}`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `[${value.slice(0, 8).join(', ')}]`;
  if (typeof value === 'object') return value.constructor?.name ?? 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}
