import type { Limits } from '../../config/limits.ts';
import { ClipError } from '../../errors.ts';
import type { Answer } from '../jina/answer.ts';
import { isoMicroseconds } from '../jina/clock.ts';
import { newId } from '../jina/document.ts';
import { FieldError } from '../jina/field-error.ts';
import { parseJson } from '../jina/json.ts';
import { isObject } from '../jina/parse-fields.ts';
import { type JinaRequest, parseRequest } from '../jina/request.ts';
import { documentsToJson, type Route } from '../jina/response.ts';
import { statusOf } from '../jina/status.ts';
import { jsonValue } from '../jina/write-json.ts';
import type { Format } from './format.ts';

const END = /^\s*\{\s*\}\s*$/;
/** With room for spaces. */
const LONGEST_END = 64;

/**
 * Text messages with JSON. Requests are those of HTTP's `/post`, and may carry a `header` with an id; in replies the
 * envelope is in snake case and leaves out what is not set, as protobuf's JSON form does.
 */
export function jsonFormat(limits: Limits): Format {
  return {
    name: 'json',
    binary: false,
    // "-1.1754943508222875e-38,"
    bytesPerComponent: 24,
    isEnd: (message) => message.length <= LONGEST_END && END.test(message.toString('latin1')),
    decode: (message) => decode(message, limits),
    encode,
    encodeStatus: (error) => Buffer.from(JSON.stringify(error ? { ...statusOf(error), code: 'ERROR' } : {})),
  };
}

function decode(message: Buffer, limits: Limits): JinaRequest {
  const body = parseJson(message, limits.jsonDepth);
  if (!isObject(body) || !Object.hasOwn(body, 'data'))
    throw new FieldError(['body'], 'expected an object with the key data', 'value_error.missing');
  const requestId = idOf(body.header);
  try {
    return { ...parseRequest(body, limits.itemsPerRequest), requestId };
  } catch (error) {
    return { documents: [], parameters: {}, requestId, fault: ClipError.from(error) };
  }
}

/** The reference makes an id of its own for each request; a client that sends one can tell the replies apart. */
function idOf(header: unknown): string | undefined {
  const id = isObject(header) ? (header.request_id ?? header.requestId) : undefined;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function encode({ request, error, routes }: Answer): Promise<Buffer> {
  const { requestId = newId(), endpoint = '/', targetExecutor, parameters, documents } = request;
  const header = [
    `"request_id":${JSON.stringify(requestId)}`,
    ...(error ? [`"status":${JSON.stringify(statusOf(error))}`] : []),
    ...(endpoint ? [`"exec_endpoint":${JSON.stringify(endpoint)}`] : []),
    ...(targetExecutor ? [`"target_executor":${JSON.stringify(targetExecutor)}`] : []),
  ];
  const members = [
    `"header":{${header.join(',')}}`,
    ...(Object.keys(parameters).length > 0 ? [`"parameters":${jsonValue(parameters)}`] : []),
    ...(routes.length > 0 ? [`"routes":[${routes.map(routeToJson).join(',')}]`] : []),
  ];
  return documentsToJson(`{${members.join(',')},"data":[`, documents, ']}');
}

function routeToJson({ executor, start, end, error }: Route): string {
  const members = [
    `"executor":${JSON.stringify(executor)}`,
    `"start_time":"${timestamp(start)}"`,
    ...(end === undefined ? [] : [`"end_time":"${timestamp(end)}"`]),
    ...(error ? [`"status":${JSON.stringify(statusOf(error))}`] : []),
  ];
  return `{${members.join(',')}}`;
}

function timestamp(microseconds: number): string {
  return isoMicroseconds(microseconds).replace('+00:00', 'Z');
}
