import type { ClipError } from '../../errors.ts';
import type { Answer } from '../jina/answer.ts';
import type { JinaRequest } from '../jina/request.ts';

/** What the messages of one sub-protocol look like. */
export interface Format {
  /** Name in `Sec-WebSocket-Protocol`. */
  readonly name: 'bytes' | 'json';
  /** Binary messages, else text. */
  readonly binary: boolean;
  /** Most that one component of a vector takes in a reply. */
  readonly bytesPerComponent: number;
  /** Whether the message says that no more requests come. */
  isEnd(message: Buffer): boolean;
  /** @throws ClipError where the message is no request at all; lesser faults are the request's own */
  decode(message: Buffer): JinaRequest;
  /** @throws ClipError bad_vector */
  encode(answer: Answer): Uint8Array | Promise<Uint8Array>;
  /** `StatusProto`: of success where there is no error. */
  encodeStatus(error: ClipError | undefined): Uint8Array;
}
