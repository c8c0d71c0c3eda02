import { ClipError } from '../../errors.ts';
import { decodeRequest } from '../jina/wire/request.ts';
import { encodeResponse } from '../jina/wire/response.ts';
import { encodeStatus } from '../jina/wire/status.ts';
import { countLimit } from '../limit.ts';
import type { Site } from '../site.ts';
import type { Format } from './format.ts';

/** Python's `bytes(True)`. */
const END = 0;

/** Binary messages, each one `DataRequestProto`, as over gRPC; the Python client speaks nothing else. */
export function bytesFormat({ config, metrics }: Pick<Site, 'config' | 'metrics'>): Format {
  const { itemsPerRequest, jsonDepth } = config.limits;
  return {
    name: 'bytes',
    binary: true,
    bytesPerComponent: 4,
    isEnd: (message) => message.length === 1 && message[0] === END,
    decode: (message) => {
      try {
        return decodeRequest(message, { itemsPerRequest, jsonDepth });
      } catch (error) {
        if (error instanceof ClipError && error.code === 'too_deep') countLimit(metrics, 'jsonDepth');
        throw error;
      }
    },
    encode: encodeResponse,
    encodeStatus,
  };
}
