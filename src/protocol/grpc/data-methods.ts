import type { Answer } from '../jina/answer.ts';
import { serveStream } from '../jina/stream.ts';
import { decodeRequest } from '../jina/wire/request.ts';
import { encodeResponse } from '../jina/wire/response.ts';
import type { Site } from '../site.ts';
import type { GrpcCall } from './call.ts';
import { type Method, onlyMessage } from './method.ts';

/** The methods that take documents: a stream of requests, and one alone. */
export function dataMethods(site: Site): Method[] {
  const { prefetch } = site.config.gateway;
  return [
    dataMethod('/jina.JinaRPC/Call', (path, call) =>
      serve(site, call, {
        route: path,
        requests: call,
        prefetch: prefetchOf(call.header('__prefetch__')) ?? prefetch,
        inOrder: call.header('__results_in_order__')?.toLowerCase() === 'true',
      }),
    ),
    dataMethod('/jina.JinaSingleDataRequestRPC/process_single_data', async (path, call) =>
      serve(site, call, {
        route: path,
        requests: one(await onlyMessage(call)),
        prefetch: 1,
        inOrder: false,
      }),
    ),
  ];
}

function dataMethod(path: string, serveCall: (path: string, call: GrpcCall) => Promise<void>): Method {
  return { path, probe: false, counts: true, serve: (call) => serveCall(path, call) };
}

interface DataCall {
  readonly route: string;
  readonly requests: AsyncIterable<Buffer>;
  readonly prefetch: number;
  readonly inOrder: boolean;
}

function serve(site: Site, call: GrpcCall, options: DataCall): Promise<void> {
  const { signal, deadline, trace } = call;
  return serveStream<Buffer>(site, {
    protocol: 'grpc',
    ...options,
    decode: (message) => decodeRequest(message, site.config.limits),
    encode: (answer: Answer) => call.pack(encodeResponse(answer)),
    send: (reply) => call.send(reply),
    signal,
    deadline,
    trace,
  });
}

/** A client may ask for another number than the configuration's; 0 and what is no number ask for nothing. */
function prefetchOf(text: string | undefined): number | undefined {
  const count = /^\s*\d{1,9}\s*$/.test(text ?? '') ? Number(text) : 0;
  return count > 0 ? count : undefined;
}

async function* one(message: Buffer): AsyncGenerator<Buffer> {
  yield message;
}
