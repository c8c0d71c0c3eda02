import { bytesReply } from './fault.ts';
import type { HttpRequest, Reply } from './server.ts';

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

/** Adds what lets a page of any origin read the answer, where the request says that it comes from a page. */
export function allowOrigin(request: HttpRequest, reply: Reply): Reply {
  if (!request.headers.has('origin')) return reply;
  const allow = { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' };
  return { ...reply, headers: { ...allow, ...reply.headers } };
}

/** The answer to a browser's question before a request; undefined where the request is none. */
export function preflight(request: HttpRequest): Reply | undefined {
  const origin = request.headers.get('origin');
  if (request.method !== 'OPTIONS' || !origin || !request.headers.has('access-control-request-method'))
    return undefined;
  const asked = request.headers.get('access-control-request-headers');
  return bytesReply(200, 'text/plain; charset=utf-8', Buffer.from('OK'), {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': METHODS,
    'access-control-max-age': '600',
    'access-control-allow-credentials': 'true',
    ...(asked ? { 'access-control-allow-headers': asked } : {}),
    vary: 'Origin',
  });
}
