import { ENTRY, JINA_INFO } from '../protocol/jina/wire/fields.ts';
import { Reader } from '../protocol/jina/wire/reader.ts';
import type { ServerInfo } from './transport.ts';

/** Two maps; what later versions may add lies no deeper. */
const MOST_LEVELS = 10;

/** `JinaInfoProto`. @throws ClipError invalid_request */
export function decodeInfo(message: Uint8Array): ServerInfo {
  const reader = new Reader(message, MOST_LEVELS);
  const versions: Record<string, string> = {};
  const environment: Record<string, string> = {};
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === JINA_INFO.jina) readEntry(reader, versions);
    else if (tag === JINA_INFO.envs) readEntry(reader, environment);
    else reader.skip(tag);
  }
  return { versions, environment };
}

function readEntry(reader: Reader, into: Record<string, string>): void {
  const outer = reader.enter();
  let key = '';
  let value = '';
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ENTRY.key) key = reader.string();
    else if (tag === ENTRY.value) value = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  into[key] = value;
}
