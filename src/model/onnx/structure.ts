import type { FileHandle } from 'node:fs/promises';
import { broken, MAX_HEADER_BYTES, Message, type Run, type Source } from './protobuf.ts';
import type { Span } from './types.ts';

/** Longer payloads of tensors stay in the file. */
export const KEPT_PAYLOAD_BYTES = 64 * 1024;
/** Of everything kept; CLIP's largest exports take some 15 MB with their exporter's stack traces. */
const MAX_STRUCTURE_BYTES = 64 * 2 ** 20;
/** What is read at once: little after a skipped payload, since the next one is often near. */
const FIRST_READ_BYTES = 16 * 1024;
const LONGEST_READ_BYTES = 2 ** 20;
/** Graphs inside control-flow nodes. */
export const MAX_NESTING = 8;

type Kind = 'model' | 'graph' | 'node' | 'attribute' | 'function' | 'sparse' | 'tensor';

/** Fields by number that are messages which can hold a long tensor. */
const HOLDS: Readonly<Record<Kind, Readonly<Record<number, Kind>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  function: { 7: 'node', 11: 'attribute' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
};

/**
 * An ONNX file in memory without its long payloads, which are stepped over: what it takes depends on the graph and not
 * on the weights.
 */
export class Structure implements Source {
  readonly path: string;
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal | undefined;
  readonly #runs: Run[] = [];
  #last = 0;
  #kept = 0;
  /** The run that grows; of its bytes `#filled` are read. */
  #growing = Buffer.alloc(FIRST_READ_BYTES);
  #start = 0;
  #filled = 0;
  #readNext = FIRST_READ_BYTES;

  private constructor(handle: FileHandle, path: string, size: number, signal: AbortSignal | undefined) {
    this.#handle = handle;
    this.path = path;
    this.size = size;
    this.#signal = signal;
  }

  /** Reads what is kept. Throws `model_invalid` for a file that is no ONNX model. The handle stays the caller's. */
  static async of(handle: FileHandle, path: string, size: number, signal?: AbortSignal): Promise<Structure> {
    const structure = new Structure(handle, path, size, signal);
    await structure.#keep({ start: 0, end: size }, 'model', 0);
    structure.#finishRun(structure.#start + structure.#filled);
    return structure;
  }

  run(position: number): Run {
    for (const at of [this.#last, this.#last + 1]) {
      if (holds(this.#runs[at], position)) {
        this.#last = at;
        return this.#runs[at]!;
      }
    }
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle]!.start <= position) low = middle;
      else high = middle - 1;
    }
    if (!holds(this.#runs[low], position)) {
      throw broken(
        this,
        position,
        `something longer than ${KEPT_PAYLOAD_BYTES} bytes that is not a tensor's elements`,
      );
    }
    this.#last = low;
    return this.#runs[low]!;
  }

  /** Steps through the message and leaves out its long payloads. */
  async #keep(span: Span, kind: Kind, graphs: number): Promise<void> {
    if (graphs > MAX_NESTING + 1) throw broken(this, span.start, `graphs nested deeper than ${MAX_NESTING}`);
    const growing = { path: this.path, size: this.size, run: () => this.#growingRun() };
    const message = new Message(growing, span);
    for (;;) {
      await this.#readTo(Math.min(message.position + MAX_HEADER_BYTES, span.end));
      if (!message.next()) return;
      if (message.end - message.start <= KEPT_PAYLOAD_BYTES) continue;
      const inner = HOLDS[kind][message.number];
      if (inner && message.wire === 'bytes') {
        await this.#keep(
          { start: message.start, end: message.end },
          inner,
          graphs + (inner === 'graph' ? 1 : 0),
        );
      } else this.#leaveOut(message.start, message.end);
    }
  }

  #growingRun(): Run {
    return { start: this.#start, bytes: this.#growing.subarray(0, this.#filled) };
  }

  /** Lets the growing run reach `position`, and some way past it. */
  async #readTo(position: number): Promise<void> {
    if (position <= this.#start + this.#filled) return;
    this.#signal?.throwIfAborted();
    const wanted = Math.max(position - this.#start, this.#filled + this.#readNext);
    const filled = Math.min(wanted, this.size - this.#start);
    if (this.#kept + filled > MAX_STRUCTURE_BYTES + LONGEST_READ_BYTES) {
      throw broken(this, position, `more than ${MAX_STRUCTURE_BYTES} bytes besides the weights`);
    }
    if (filled > this.#growing.length) {
      const larger = Buffer.alloc(Math.max(filled, 2 * this.#growing.length));
      this.#growing.copy(larger, 0, 0, this.#filled);
      this.#growing = larger;
    }
    while (this.#filled < filled) {
      const at = this.#start + this.#filled;
      const { bytesRead } = await this.#handle.read(this.#growing, this.#filled, filled - this.#filled, at);
      if (bytesRead === 0) throw broken(this, at, 'the file ends early');
      this.#filled += bytesRead;
    }
    this.#readNext = Math.min(2 * this.#readNext, LONGEST_READ_BYTES);
  }

  /** Ends the growing run at `start` and begins the next at `end`, with what is read of it already. */
  #leaveOut(start: number, end: number): void {
    const rest = this.#growing.subarray(Math.min(end - this.#start, this.#filled), this.#filled);
    const next = Buffer.alloc(Math.max(FIRST_READ_BYTES, rest.length));
    rest.copy(next);
    this.#finishRun(start);
    this.#growing = next;
    this.#start = end;
    this.#filled = rest.length;
    this.#readNext = FIRST_READ_BYTES;
  }

  /** A copy, so that what was read past `end` is not kept with it. */
  #finishRun(end: number): void {
    const bytes = Buffer.from(this.#growing.subarray(0, end - this.#start));
    this.#kept += bytes.length;
    this.#runs.push({ start: this.#start, bytes });
  }
}

function holds(run: Run | undefined, position: number): boolean {
  return run !== undefined && position >= run.start && position < run.start + run.bytes.length;
}
