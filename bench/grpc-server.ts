import { Server, ServerCredentials } from '@grpc/grpc-js';
import { silentLog } from '../src/observe/log.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { startGrpc } from '../src/protocol/grpc/start.ts';
import { decodeRequest } from '../src/protocol/jina/wire/request.ts';
import { encodeResponse } from '../src/protocol/jina/wire/response.ts';
import { FakeService, testConfig } from '../test/protocol/fake-service.ts';

// A gRPC server whose model costs nothing, as a process of its own: ours, or grpc-js as it comes.
const VECTOR = new Float32Array(512).fill(0.5);
const LIMITS = { itemsPerRequest: 4096, jsonDepth: 100, valuesPerRequest: 100_000 };

async function ours(): Promise<number> {
  const service = new FakeService();
  service.encode = async (items) => items.map(() => ({ vector: VECTOR }));
  const { address } = await startGrpc({
    config: testConfig(),
    listener: { protocol: 'grpc', port: 0 },
    certificates: undefined,
    service,
    health: { ready: () => ({ ready: true, reasons: [] }) },
    metrics: new Metrics(),
    log: silentLog,
    version: 'bench',
  });
  return address.port;
}

function stock(): Promise<number> {
  const same = (message: Buffer): Buffer => message;
  const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same };
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(
    {
      Call: {
        path: '/jina.JinaRPC/Call',
        requestStream: true,
        responseStream: true,
        ...codec,
        responseDeserialize: same,
      },
    },
    {
      // biome-ignore lint/suspicious/noExplicitAny: the types of grpc-js want a generated service
      Call: (call: any) => {
        call.on('data', (message: Buffer) => {
          const request = decodeRequest(message, LIMITS);
          for (const document of request.documents) {
            document.blob = undefined;
            document.embedding = VECTOR;
          }
          call.write(encodeResponse({ request, routes: [] }));
        });
        call.on('end', () => call.end());
      },
    },
  );
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}

process.send!(await (process.argv[2] === 'stock' ? stock() : ours()));
