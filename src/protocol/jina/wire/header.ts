import { HEADER } from './fields.ts';
import type { Reader } from './reader.ts';
import { readStatus, type WireStatus } from './status.ts';

/** `HeaderProto`; `exec_endpoint` and `target_executor` can be present and empty. */
export interface Header {
  requestId?: string;
  status?: WireStatus;
  endpoint?: string;
  targetExecutor?: string;
}

/** Later parts of a header that came in pieces overwrite the earlier. @throws ClipError invalid_request, too_deep */
export function readHeader(reader: Reader, into: Header): void {
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === HEADER.requestId) into.requestId = reader.string() || undefined;
    else if (tag === HEADER.status) into.status = readStatus(reader);
    else if (tag === HEADER.execEndpoint) into.endpoint = reader.string();
    else if (tag === HEADER.targetExecutor) into.targetExecutor = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
}
