import { readFile } from 'node:fs/promises';
import { Reader } from '../../jina/wire/reader.ts';

/** The files of data/proto, compiled by scripts/make-descriptors.py. */
const DESCRIPTORS = new URL('../../../../data/services.bin', import.meta.url);
const MOST_LEVELS = 20;
/** Field numbers of descriptor.proto whose names make a symbol: what is declared in a file, a message, and a service. */
const IN_FILE = new Map([
  [4, 'message'],
  [5, 'enum'],
  [6, 'service'],
]);
const IN_MESSAGE = new Map([
  [3, 'message'],
  [4, 'enum'],
]);
const IN_SERVICE = new Map([[2, 'method']]);
const WITHIN: Readonly<Record<string, ReadonlyMap<number, string>>> = {
  file: IN_FILE,
  message: IN_MESSAGE,
  service: IN_SERVICE,
};
const NAME = 1;
const PACKAGE = 2;
const DEPENDENCY = 3;

interface File {
  /** FileDescriptorProto. */
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
}

/** What the services and messages look like, by file and by symbol. */
export class Descriptors {
  readonly #files = new Map<string, File>();
  /** Full name of whatever is declared → its file. */
  readonly #homes = new Map<string, string>();

  static async load(): Promise<Descriptors> {
    return new Descriptors(await readFile(DESCRIPTORS));
  }

  /** @param set FileDescriptorSet */
  constructor(set: Uint8Array) {
    for (const bytes of fieldsOf(set, 1)) {
      const name = textOf(bytes, NAME);
      const dependencies = [...fieldsOf(bytes, DEPENDENCY)].map((text) => Buffer.from(text).toString());
      this.#files.set(name, { bytes, dependencies });
      for (const symbol of symbolsOf(bytes, 'file', textOf(bytes, PACKAGE))) this.#homes.set(symbol, name);
    }
  }

  /** The file and all that it imports, itself first; undefined where it is not known. */
  withImports(name: string): Uint8Array[] | undefined {
    const wanted = new Set([name]);
    const found: Uint8Array[] = [];
    for (const each of wanted) {
      const file = this.#files.get(each);
      if (!file) return undefined;
      found.push(file.bytes);
      for (const dependency of file.dependencies) wanted.add(dependency);
    }
    return found;
  }

  fileOf(symbol: string): string | undefined {
    return this.#homes.get(symbol);
  }
}

function* symbolsOf(bytes: Uint8Array, kind: string, scope: string): Generator<string> {
  for (const [field, inner] of WITHIN[kind] ?? [])
    for (const declared of fieldsOf(bytes, field)) {
      const symbol = `${scope}.${textOf(declared, NAME)}`;
      yield symbol;
      yield* symbolsOf(declared, inner, symbol);
    }
}

/** Every value of a field that has a length. */
function* fieldsOf(bytes: Uint8Array, number: number): Generator<Uint8Array> {
  const reader = new Reader(bytes, MOST_LEVELS);
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ((number << 3) | 2)) yield reader.bytes();
    else reader.skip(tag);
  }
}

function textOf(bytes: Uint8Array, number: number): string {
  for (const value of fieldsOf(bytes, number)) return Buffer.from(value).toString();
  return '';
}
