import { ClipError } from '../../errors.ts';
import type { Answer } from '../jina/answer.ts';
import { isoMicroseconds } from '../jina/clock.ts';
import { newId } from '../jina/document.ts';
import { parseJson } from '../jina/json.ts';
import { isObject } from '../jina/parse-fields.ts';
import { type JinaRequest, parseRequest } from '../jina/request.ts';
import { type Route, withDocuments } from '../jina/response.ts';
import { statusOf } from '../jina/status.ts';
import { jsonValue } from '../jina/write-json.ts';

export interface JsonLimits {
  readonly itemsPerRequest: number;
  readonly jsonDepth: number;
}

/**
 * A text frame as a request. One whose documents cannot be
 * read is answered with what is wrong, and the connection goes on.
 *
 * @throws ClipError invalid_json, too_deep, invalid_request of a frame that is no request at all
 */
export function requestFromText(frame: Buffer, limits: JsonLimits): JinaRequest {
  const body = parseJson(frame, limits.jsonDepth);
  if (!isObject(body) || !Object.hasOwn(body, 'data'))
    throw new ClipError('invalid_request', 'expected an object with the key data, or {} for the end');
  const requestId = idOf(body) ?? newId();
  try {
    return { ...parseRequest(body, limits.itemsPerRequest), requestId };
  } catch (thrown) {
    return { requestId, documents: [], parameters: {}, fault: ClipError.from(thrown) };
  }
}

function idOf(body: Record<string, unknown>): string | undefined {
  const { header } = body;
  const id = isObject(header) ? (header.request_id ?? header.requestId) : undefined;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/**
 * The answer as a text frame: snake case, unset members of the envelope left out.
 *
 * @throws ClipError bad_vector
 */
export function answerToText({ request, error, routes }: Answer): Promise<Buffer> {
  const header = {
    request_id: request.requestId,
    status: error && statusOf(error),
    exec_endpoint: request.endpoint,
    target_executor: '',
  };
  const head =
    `{"header":${JSON.stringify(header)},"parameters":${jsonValue(request.parameters)},` +
    `"routes":${JSON.stringify(routes.map(routeOf))}`;
  return withDocuments(head, request.documents);
}

function routeOf({ executor, start, end, error }: Route): object {
  return {
    executor,
    start_time: zulu(start),
    end_time: end === undefined ? undefined : zulu(end),
    status: error && statusOf(error),
  };
}

function zulu(microseconds: number): string {
  return isoMicroseconds(microseconds).replace('+00:00', 'Z');
}
