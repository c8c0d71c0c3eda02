import { ClipError } from '../../errors.ts';
import { type HttpLimits, MOST_HEADERS, MOST_TARGET_CHARACTERS, type RefusingLimit } from './server.ts';

/** The head of a request while it is read, header by header, with what is wrong with it. */
export class Head {
  readonly headers = new Map<string, string>();
  #fault: ClipError | undefined;
  #bytes = 0;
  #count = 0;
  readonly #limits: HttpLimits;
  readonly #onLimit: (limit: RefusingLimit) => void;

  constructor(target: string, limits: HttpLimits, onLimit: (limit: RefusingLimit) => void) {
    this.#limits = limits;
    this.#onLimit = onLimit;
    if (target.length > MOST_TARGET_CHARACTERS)
      this.#fault = new ClipError(
        'path_too_long',
        `expected a path of at most ${MOST_TARGET_CHARACTERS} characters, got ${target.length}`,
      );
  }

  /** The first fault; undefined where there is none. */
  get fault(): ClipError | undefined {
    return this.#fault;
  }

  add(name: string, value: string): void {
    this.#bytes += name.length + value.length;
    this.#count += 1;
    this.#fault ??= this.#sizeFault() ?? this.#framingFault(name, value);
    this.headers.set(name, value);
  }

  /** Declared length of the body; undefined where it comes in chunks. */
  get contentLength(): number | undefined {
    const value = this.headers.get('content-length');
    return value === undefined ? undefined : Number(value);
  }

  get hasBody(): boolean {
    return this.headers.has('transfer-encoding') || (this.contentLength ?? 0) > 0;
  }

  #sizeFault(): ClipError | undefined {
    if (this.#bytes <= this.#limits.headerBytes && this.#count <= MOST_HEADERS) return undefined;
    this.#onLimit('headerBytes');
    return new ClipError(
      'headers_too_large',
      `expected at most ${MOST_HEADERS} headers of ${this.#limits.headerBytes} bytes together, got more`,
    );
  }

  /** Two readings of where a request ends are how one request is smuggled inside another. */
  #framingFault(name: string, value: string): ClipError | undefined {
    const other = name === 'content-length' ? 'transfer-encoding' : 'content-length';
    if (name === 'content-length' && !/^\d{1,15}$/.test(value))
      return new ClipError(
        'invalid_request',
        'expected a whole number in content-length, got something else',
      );
    if (name === 'transfer-encoding' && value.toLowerCase() !== 'chunked')
      return new ClipError('invalid_request', 'expected transfer-encoding chunked, got another');
    if (name !== 'content-length' && name !== 'transfer-encoding') return undefined;
    if (!this.headers.has(name) && !this.headers.has(other)) return undefined;
    return new ClipError('invalid_request', 'expected one content-length or transfer-encoding, got several');
  }
}
