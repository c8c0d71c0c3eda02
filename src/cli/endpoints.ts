import { readFile, writeFile } from 'node:fs/promises';
import type { Server } from '../main.ts';
import type { Logger } from '../observe/log.ts';

const SCHEME = { grpc: 'grpc', http: 'http', websocket: 'ws' } as const;
/** Addresses that stand for all of this machine's, and the one to call instead. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Writes the addresses as this machine reaches them, one URL a line. A server whose file cannot be written serves, with a warning. */
export async function writeEndpoints(
  file: string | undefined,
  endpoints: Server['endpoints'],
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  if (file === undefined) return;
  try {
    await writeFile(file, endpoints.map((endpoint) => `${urlOf(endpoint)}\n`).join(''));
  } catch (error) {
    log.warn(
      `CLIP_SERVER_ENDPOINTS: ${(error as Error).message}; "clip-server ready" will not find this server`,
    );
  }
}

/** @throws Error where there is no such file, or nothing in it */
export async function readEndpoints(file: string): Promise<string[]> {
  const urls = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  if (urls.length === 0) throw new Error(`${file}: expected the addresses of a server, got an empty file`);
  return urls;
}

function urlOf({ protocol, address: { host, port, secure } }: Server['endpoints'][number]): string {
  const called = LOOPBACK[host] ?? host;
  return `${SCHEME[protocol]}${secure ? 's' : ''}://${called.includes(':') ? `[${called}]` : called}:${port}`;
}
