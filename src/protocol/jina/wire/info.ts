import { ENDPOINTS, ENTRY, JINA_INFO } from './fields.ts';
import { encodeMessage, type Writer } from './writer.ts';

/** `JinaInfoProto`: versions of the server and the variables that it honours. */
export function encodeInfo(info: {
  readonly jina: Readonly<Record<string, string>>;
  readonly envs: Readonly<Record<string, string>>;
}): Uint8Array {
  return encodeMessage((out) => {
    writeMap(out, JINA_INFO.jina, info.jina);
    writeMap(out, JINA_INFO.envs, info.envs);
  });
}

/** `EndpointsProto`: the executor endpoints that are bound; none of them writes. */
export function encodeEndpoints(endpoints: Iterable<string>): Uint8Array {
  return encodeMessage((out) => {
    for (const endpoint of endpoints) out.string(ENDPOINTS.endpoints, endpoint);
  });
}

function writeMap(out: Writer, tag: number, map: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(map)) {
    const entry = out.open(tag);
    out.string(ENTRY.key, key);
    out.string(ENTRY.value, value);
    out.close(entry);
  }
}
