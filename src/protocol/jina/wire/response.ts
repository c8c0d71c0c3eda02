import { ClipError } from '../../../errors.ts';
import type { Answer } from '../answer.ts';
import type { Document, JsonObject } from '../document.ts';
import { readContent, writeContent } from './content.ts';
import { DATA_REQUEST, HEADER } from './fields.ts';
import { type Header, readHeader } from './header.ts';
import { Reader } from './reader.ts';
import { readRoute, type WireRoute, writeRoute } from './route.ts';
import { type WireStatus, writeStatus } from './status.ts';
import { readStruct, writeStruct } from './struct.ts';
import { decodeValues } from './values.ts';
import { encodeMessage } from './writer.ts';

/** Protobuf's own bound for messages inside one another. */
const MOST_LEVELS = 100;

/** What a client gets for one request. */
export interface WireResponse {
  readonly requestId?: string;
  /** Absent where all went well, or of code 0. */
  readonly status?: WireStatus;
  readonly parameters: JsonObject;
  readonly routes: readonly WireRoute[];
  /** With values: tags are objects, arrays of one axis of float32 are Float32Array. Sparse arrays stay encoded. */
  readonly documents: Document[];
}

/** The `DataRequestProto` that goes back; never empty, which clients could not read. A Buffer in Node. */
export function encodeResponse({ request, error, routes }: Answer): Uint8Array {
  const { requestId, endpoint, parameters, documents } = request;
  return encodeMessage((out) => {
    const header = out.open(DATA_REQUEST.header);
    out.text(HEADER.requestId, requestId);
    if (error) writeStatus(out, HEADER.status, error);
    if (endpoint !== undefined) out.string(HEADER.execEndpoint, endpoint);
    out.string(HEADER.targetExecutor, '');
    out.close(header);
    if (Object.keys(parameters).length > 0) writeStruct(out, DATA_REQUEST.parameters, parameters);
    for (const route of routes) writeRoute(out, DATA_REQUEST.routes, route);
    writeContent(out, DATA_REQUEST.data, documents);
  });
}

/** @throws ClipError invalid_request, too_deep, too_many_items for what is no response, or holds a Python pickle */
export function decodeResponse(message: Uint8Array): WireResponse {
  const reader = new Reader(message, MOST_LEVELS);
  const header: Header = {};
  const parameters: [string, unknown][] = [];
  const routes: WireRoute[] = [];
  const content = { documents: [] as Document[], pickled: false, most: Infinity, left: Infinity };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === DATA_REQUEST.header) readHeader(reader, header);
    else if (tag === DATA_REQUEST.parameters) readStruct(reader, parameters);
    else if (tag === DATA_REQUEST.routes) routes.push(readRoute(reader));
    else if (tag === DATA_REQUEST.data) readContent(reader, content);
    else reader.skip(tag);
  }
  if (content.pickled)
    throw new ClipError('invalid_request', 'expected documents as protobuf, got a Python pickle');
  decodeValues(content.documents);
  const { requestId, status } = header;
  return {
    requestId,
    status,
    parameters: Object.fromEntries(parameters),
    routes,
    documents: content.documents,
  };
}
