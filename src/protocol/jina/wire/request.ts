import type { Limits } from '../../../config/limits.ts';
import { ClipError } from '../../../errors.ts';
import type { Document, JsonObject } from '../document.ts';
import type { JinaRequest } from '../request.ts';
import { readContent, writeContent } from './content.ts';
import { DATA_REQUEST, HEADER } from './fields.ts';
import { type Header, readHeader } from './header.ts';
import { Reader } from './reader.ts';
import { readStruct, writeStruct } from './struct.ts';
import { encodeMessage } from './writer.ts';

/** Documents of all levels together, sub-messages inside one another, and parameters with scores. */
export type RequestLimits = Pick<Limits, 'itemsPerRequest' | 'jsonDepth' | 'valuesPerRequest'>;

/**
 * A `DataRequestProto` as it arrives. Blobs and arrays stay views of `message`. What is wrong below the envelope is the
 * request's `fault`, so that it can be answered by its id; it then has no documents.
 *
 * @throws ClipError invalid_request, too_deep where not even the header can be read; an empty message is none
 */
export function decodeRequest(message: Uint8Array, limits: RequestLimits): JinaRequest {
  if (message.length === 0)
    throw new ClipError('invalid_request', 'expected a DataRequestProto, got an empty message');
  const header = readEnvelope(new Reader(message, limits.jsonDepth));
  const { requestId, endpoint, targetExecutor } = header;
  const envelope = { requestId, endpoint, targetExecutor };
  try {
    const reader = new Reader(message, limits.jsonDepth, limits.valuesPerRequest);
    return { ...envelope, ...readBody(reader, limits.itemsPerRequest) };
  } catch (error) {
    if (error instanceof ClipError) return { ...envelope, documents: [], parameters: {}, fault: error };
    throw error;
  }
}

/** A `DataRequestProto` as a client sends it. @throws ClipError invalid_request, too_deep for its parameters or tags */
export function encodeRequest(request: {
  /** 32 hex digits, new for each request. */
  readonly requestId: string;
  readonly endpoint?: string;
  readonly parameters: JsonObject;
  readonly documents: readonly Document[];
  readonly targetExecutor?: string;
}): Uint8Array {
  const { requestId, endpoint, targetExecutor, parameters, documents } = request;
  return encodeMessage((out) => {
    const header = out.open(DATA_REQUEST.header);
    out.text(HEADER.requestId, requestId);
    if (endpoint !== undefined) out.string(HEADER.execEndpoint, endpoint);
    if (targetExecutor !== undefined) out.string(HEADER.targetExecutor, targetExecutor);
    out.close(header);
    if (Object.keys(parameters).length > 0) writeStruct(out, DATA_REQUEST.parameters, parameters);
    writeContent(out, DATA_REQUEST.data, documents);
  });
}

/** The header, and whether the rest is fields at all. */
function readEnvelope(reader: Reader): Header {
  const header: Header = {};
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === DATA_REQUEST.header) readHeader(reader, header);
    else reader.skip(tag);
  }
  return header;
}

function readBody(reader: Reader, mostDocuments: number): Pick<JinaRequest, 'parameters' | 'documents'> {
  const parameters: [string, unknown][] = [];
  const content = { documents: [] as Document[], pickled: false, most: mostDocuments, left: mostDocuments };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === DATA_REQUEST.parameters) readStruct(reader, parameters);
    else if (tag === DATA_REQUEST.data) readContent(reader, content);
    else reader.skip(tag);
  }
  if (content.pickled)
    throw new ClipError(
      'invalid_request',
      'data.docs_bytes: expected documents as protobuf in data.docs, got a Python pickle, which is never loaded',
    );
  return { parameters: Object.fromEntries(parameters), documents: content.documents };
}
