import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { FilesConfig } from '../../src/config/config.ts';
import type { CatalogueModel } from '../../src/model/catalogue.ts';
import { OBTAIN_LIMITS, type ObtainHooks } from '../../src/model/obtain.ts';
import type { Progress } from '../../src/model/progress.ts';
import { silentLog } from '../../src/observe/log.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface RogueServer {
  readonly url: string;
  /** `METHOD PATH RANGE` of every request, in order. */
  readonly requests: readonly string[];
  readonly headers: readonly IncomingMessage['headers'][];
}

/** A web server on loopback that answers the n-th request by the n-th handler, and all later ones by the last. */
export async function rogueServer(t: TestContext, ...handlers: Handler[]): Promise<RogueServer> {
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const handler = handlers[Math.min(requests.length, handlers.length - 1)]!;
    requests.push(
      `${request.method} ${request.url}${request.headers.range ? ` ${request.headers.range}` : ''}`,
    );
    headers.push(request.headers);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, headers };
}

/** Bytes that a test serves as a model file. */
export const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));

/** A well-behaved server, Range included. */
export const honest: Handler = (request, response) => {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  if (start >= CONTENT.length) {
    response.writeHead(416, { 'content-range': `bytes */${CONTENT.length}` }).end();
    return;
  }
  const body = CONTENT.subarray(start);
  const contentRange = `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}`;
  response.writeHead(range ? 206 : 200, {
    'content-length': body.length,
    ...(range && { 'content-range': contentRange }),
  });
  response.end(body);
};

/** States the whole length, sends `bytes` of it and breaks the connection. */
export const dropAfter =
  (bytes: number): Handler =>
  (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const contentRange = `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}`;
    response.writeHead(start ? 206 : 200, {
      'content-length': CONTENT.length - start,
      ...(start && { 'content-range': contentRange }),
    });
    response.write(CONTENT.subarray(start, start + bytes), () => response.destroy());
  };

export const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    void response.writeHead(code, headers).end('no');

export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** A model of the catalogue's kind whose image tower is CONTENT. */
export const MODEL: CatalogueModel = {
  name: 'ViT-T-1::test',
  architecture: 'ViT-T-1',
  weights: 'test',
  aliases: ['ViT-T/1'],
  folder: 'ViT-T-1@px',
  width: 8,
  resolution: 16,
  files: {
    text: { file: 'textual.onnx', md5: md5(Buffer.from('text')), approximateBytes: 4 },
    image: { file: 'visual.onnx', md5: md5(CONTENT), approximateBytes: CONTENT.length },
  },
};

export const filesOf = (cache: string, ...sources: string[]): FilesConfig => ({
  cache,
  sources,
  offline: false,
});

/** Hooks with short pauses; `events` collects the progress. No test but that of a stall takes a busy machine's pause for one. */
export function quickHooks(change: Partial<ObtainHooks> = {}): ObtainHooks & { readonly events: Progress[] } {
  const events: Progress[] = [];
  return {
    events,
    progress: (progress) => events.push(progress),
    log: silentLog,
    signal: new AbortController().signal,
    environment: {},
    ...change,
    limits: {
      ...OBTAIN_LIMITS,
      connectMs: 2000,
      attempts: 3,
      attemptsInAll: 8,
      backoffMs: 1,
      backoffMaxMs: 4,
      retryAfterMaxMs: 50,
      pollMs: 10,
      ...change.limits,
    },
  };
}
