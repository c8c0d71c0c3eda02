/**
 * The wire's contract: every message of Jina 3.14–3.20 and docarray 0.21 that is read or written, as the tags that stand
 * in front of its fields (field number × 8 + wire type).
 */
const varint = (number: number) => number << 3;
const fixed64 = (number: number) => (number << 3) | 1;
/** Strings, bytes, sub-messages, packed numbers. */
const sized = (number: number) => (number << 3) | 2;
const fixed32 = (number: number) => (number << 3) | 5;

export const DATA_REQUEST = { header: sized(1), parameters: sized(2), routes: sized(3), data: sized(4) };

/** A oneof. */
export const DATA_CONTENT = { docs: sized(1), docsBytes: sized(2) };

export const HEADER = {
  requestId: sized(1),
  status: sized(2),
  execEndpoint: sized(3),
  targetExecutor: sized(4),
};

export const STATUS = { code: varint(1), description: sized(2), exception: sized(3) };

export const EXCEPTION = { name: sized(1), args: sized(2), stacks: sized(3), executor: sized(4) };

export const ROUTE = { executor: sized(1), startTime: sized(2), endTime: sized(3), status: sized(4) };

export const TIMESTAMP = { seconds: varint(1), nanos: varint(2) };

export const JINA_INFO = { jina: sized(1), envs: sized(2) };

export const ENDPOINTS = { endpoints: sized(1), writeEndpoints: sized(2) };

export const DOCUMENT_ARRAY = { docs: sized(1) };

/** `blob`, `tensor` and `text` are a oneof. */
export const DOCUMENT = {
  id: sized(1),
  blob: sized(2),
  tensor: sized(3),
  text: sized(4),
  granularity: varint(5),
  adjacency: varint(6),
  parentId: sized(7),
  weight: fixed32(8),
  uri: sized(9),
  modality: sized(10),
  mimeType: sized(11),
  offset: fixed32(12),
  location: sized(13),
  locationUnpacked: fixed32(13),
  chunks: sized(14),
  matches: sized(15),
  embedding: sized(16),
  tags: sized(17),
  scores: sized(18),
  evaluations: sized(19),
  metadata: sized(20),
};

export const NAMED_SCORE = { value: fixed32(1), opName: sized(2), description: sized(3), refId: sized(4) };

/** `dense` and `sparse` are a oneof. */
export const ND_ARRAY = { dense: sized(1), sparse: sized(2), clsName: sized(3), parameters: sized(4) };

export const DENSE = { buffer: sized(1), shape: sized(2), shapeUnpacked: varint(2), dtype: sized(3) };

export const SPARSE = { indices: sized(1), values: sized(2), shape: sized(3) };

/** Of any map. */
export const ENTRY = { key: sized(1), value: sized(2) };

export const STRUCT = { fields: sized(1) };

/** A oneof. */
export const VALUE = {
  nullValue: varint(1),
  numberValue: fixed64(2),
  stringValue: sized(3),
  boolValue: varint(4),
  structValue: sized(5),
  listValue: sized(6),
};

export const LIST = { values: sized(1) };
