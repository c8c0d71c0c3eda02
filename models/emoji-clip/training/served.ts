import { readConfig } from '../../../src/config/read.ts';
import { startServer } from '../../../src/main.ts';
import { silentLog } from '../../../src/observe/log.ts';

/** A model as a client of the server meets it: its own tokeniser, decoding, resizing and engines on the way. */
export interface ServedModel {
  readonly texts: (texts: readonly string[]) => Promise<Float32Array[]>;
  /** PNG files. */
  readonly images: (files: readonly Buffer[]) => Promise<Float32Array[]>;
  close(): Promise<void>;
}

const PER_REQUEST = 128;

/** Serves the model's folder on a free port of the loopback interface. */
export async function serve(modelPath: string): Promise<ServedModel> {
  const flow = {
    jtype: 'Flow',
    with: { port: 0, host: '127.0.0.1', protocol: 'http', playground: false },
    executors: [
      { name: 'clip', uses: { jtype: 'CLIPEncoder', with: { model_path: modelPath, device: 'cpu' } } },
    ],
  };
  const server = await startServer(await readConfig({ argument: JSON.stringify(flow) }, {}), {
    log: silentLog,
    progress: () => {},
    signal: new AbortController().signal,
    version: '0.0.0',
  });
  const url = `http://127.0.0.1:${server.endpoints[0]!.address.port}/encode`;
  return {
    texts: (texts) =>
      encodeAll(
        url,
        texts.map((text) => ({ text })),
      ),
    images: (files) =>
      encodeAll(
        url,
        files.map((file) => ({ blob: file.toString('base64') })),
      ),
    close: () => server.close(),
  };
}

async function encodeAll(url: string, documents: readonly object[]): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let at = 0; at < documents.length; at += PER_REQUEST) {
    const body = JSON.stringify({ data: documents.slice(at, at + PER_REQUEST) });
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const answer = (await response.json()) as { data?: { embedding: number[] }[] };
    if (!response.ok || !answer.data)
      throw new Error(`${url}: status ${response.status}, ${JSON.stringify(answer)}`);
    vectors.push(...answer.data.map(({ embedding }) => Float32Array.from(embedding)));
  }
  return vectors;
}
