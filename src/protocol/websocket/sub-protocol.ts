import type { Limits } from '../../config/config.ts';
import type { Answer } from '../jina/answer.ts';
import type { JinaRequest } from '../jina/request.ts';
import { decodeRequest } from '../jina/wire/request.ts';
import { encodeResponse } from '../jina/wire/response.ts';
import { answerToText, requestFromText } from './json.ts';

/** How requests and answers stand in messages. */
export interface SubProtocol {
  /** Whether its messages are binary; the others are text. */
  readonly binary: boolean;
  /** The message by which a client says that no more requests will come. */
  isEnd(message: Buffer): boolean;
  decode(message: Buffer): JinaRequest;
  encode(answer: Answer): Buffer | Promise<Buffer>;
  /** Most that one component of a vector takes. */
  readonly bytesPerComponent: number;
}

/** The names by which clients ask for one; the first is taken where they name neither. */
export const SUB_PROTOCOLS = ['json', 'bytes'] as const;

export function subProtocol(name: (typeof SUB_PROTOCOLS)[number], limits: Limits): SubProtocol {
  if (name === 'bytes')
    return {
      binary: true,
      isEnd: (message) => message.length === 1 && message[0] === 0,
      decode: (message) => decodeRequest(message, limits),
      encode: (answer) => encodeResponse(answer) as Buffer,
      bytesPerComponent: Float32Array.BYTES_PER_ELEMENT,
    };
  return {
    binary: false,
    isEnd: (message) => message.length < 64 && message.toString().replace(/\s/g, '') === '{}',
    decode: (message) => requestFromText(message, limits),
    encode: answerToText,
    // Sign, digits, point, exponent and comma of the shortest double.
    bytesPerComponent: 25,
  };
}
