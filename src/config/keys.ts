import { ENCODER_KEYS, EXECUTOR_KEYS, METAS_KEYS, USES_KEYS } from './keys/executor.ts';
import { EXPOSED_KEYS, TOP_KEYS, UVICORN_KEYS, WITH_KEYS } from './keys/flow.ts';
import { GRPC_KEYS } from './keys/grpc.ts';
import { FETCH_KEYS, FILES_KEYS, LIMIT_KEYS } from './keys/server.ts';
import type { Table } from './section.ts';

/** Every key that a flow file may hold, by the place where it stands. Parsing, suggestions and the document go by it. */
export const KEYS: ReadonlyMap<string, Table> = new Map<string, Table>([
  ['the top level', TOP_KEYS],
  ['with', WITH_KEYS],
  ['with.uvicorn_kwargs', UVICORN_KEYS],
  ['with.expose_endpoints.<endpoint>', EXPOSED_KEYS],
  ['with.grpc_server_options', GRPC_KEYS],
  ['with.limits', LIMIT_KEYS],
  ['with.fetch', FETCH_KEYS],
  ['with.files', FILES_KEYS],
  ['executors[]', EXECUTOR_KEYS],
  ['executors[].uses', USES_KEYS],
  ['executors[].uses.metas', METAS_KEYS],
  ['executors[].uses.with', ENCODER_KEYS],
]);

/** The one place where a key stands, or undefined where there is none or more than one. */
export function homeOf(key: string): string | undefined {
  const homes = [...KEYS].filter(([, table]) => Object.hasOwn(table, key)).map(([place]) => place);
  return homes.length === 1 ? homes[0] : undefined;
}
