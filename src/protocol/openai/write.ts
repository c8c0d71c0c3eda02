import { readHalves } from '../../float16.ts';
import { type Shaped, toBase64 } from '../../service/shape.ts';
import { jsonVector } from '../jina/write-vector.ts';

/** A list of numbers, or the base64 of their bytes. @throws ClipError bad_vector for what is not finite */
export function shapedToJson(shaped: Shaped): string {
  const { type, data, base64 } = shaped;
  if (base64) return `"${toBase64(shaped)}"`;
  if (data instanceof Float32Array) return jsonVector(data);
  return type === 'float16' ? jsonVector(readHalves(data as Uint16Array)) : `[${data.join(',')}]`;
}
