import type { Limits } from '../../config/limits.ts';
import { decodeRequest } from '../jina/wire/request.ts';
import { encodeResponse } from '../jina/wire/response.ts';
import { encodeStatus } from '../jina/wire/status.ts';
import type { Format } from './format.ts';

/** Python's `bytes(True)`. */
const END = 0;

/** Binary messages, each one `DataRequestProto`, as over gRPC; the Python client speaks nothing else. */
export function bytesFormat(limits: Limits): Format {
  return {
    name: 'bytes',
    binary: true,
    bytesPerComponent: 4,
    isEnd: (message) => message.length === 1 && message[0] === END,
    decode: (message) => decodeRequest(message, limits),
    encode: encodeResponse,
    encodeStatus,
  };
}
