import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/read.ts';
import { read } from './flow.ts';

const SAMPLES = join(import.meta.dirname, 'samples');
const FLOWS = join(import.meta.dirname, '../../flows');

/** What each sample of the reference's document says beyond the defaults. */
const EXPECTED: Record<string, (config: Config) => void> = {
  '01-torch.yml': (config) => served(config, 'clip_t', 'torch'),
  '02-onnx.yml': (config) => served(config, 'clip_o', 'onnx'),
  '03-tensorrt.yml': (config) => served(config, 'clip_r', 'tensorrt'),
  '04-clip-model.yml': (config) => served(config, 'clip_t', 'torch'),
  '05-executor.yml': (config) => served(config, 'clip_t', 'torch'),
  '06-flow.yml': (config) => served(config, 'clip_t', 'torch'),
  '07-jit.yml': (config) => {
    served(config, 'clip_t', 'torch');
    assert.deepEqual(config.executor.device, { kind: 'cpu', index: 0 });
    assert.equal(config.executor.deviceIsExplicit, true);
    assert.match(
      config.warnings.join('\n'),
      /^stdin:10: executors\[0\]\.uses\.with\.jit: accepted without effect/,
    );
  },
  '08-model-path.yml': (config) => {
    served(config, 'clip_o', 'onnx');
    assert.equal(config.executor.model, 'ViT-B/32');
    assert.equal(config.executor.modelPath, '/srv/custom-model');
  },
  '09-replicas.yml': (config) => {
    served(config, 'clip_t', 'torch');
    assert.equal(config.executor.replicas, 4);
  },
  '10-protocol.yml': (config) => {
    assert.deepEqual(config.gateway.listeners, [{ protocol: 'websocket', port: 51000 }]);
    assert.equal(config.executor.replicas, 4);
  },
  '11-monitoring.yml': (config) => {
    served(config, 'clip_t', 'torch');
    assert.equal(config.gateway.metricsPort, 9090);
    assert.equal(config.executor.metricsPort, 9091);
  },
};

function served(config: Config, name: string, runtime: string): void {
  assert.deepEqual(config.gateway.listeners, [{ protocol: 'grpc', port: 51000 }]);
  assert.equal(config.executor.name, name);
  assert.equal(config.executor.runtime, runtime);
}

for (const [name, check] of Object.entries(EXPECTED)) {
  test(`sample ${name}`, async () => {
    const config = await read(readFileSync(join(SAMPLES, name), 'utf8'));
    check(config);
    if (name !== '07-jit.yml') assert.deepEqual(config.warnings, []);
  });
}

test('sample 12-tls.yml has no executor: the built-in one is served', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'clip-config-'));
  for (const file of ['cert.pem', 'key.pem']) writeFileSync(join(cwd, file), '');
  const config = await read(readFileSync(join(SAMPLES, '12-tls.yml'), 'utf8'), { cwd });
  assert.deepEqual(config.gateway.listeners, [{ protocol: 'http', port: 8443 }]);
  assert.equal(config.gateway.cors, true);
  assert.deepEqual(config.gateway.tls, {
    certFile: join(cwd, 'cert.pem'),
    keyFile: join(cwd, 'key.pem'),
    passphrase: 'blahblah',
    caFile: undefined,
    clientCertificate: 'none',
    ciphers: undefined,
  });
  assert.equal(config.executor.name, 'clip_t');
  assert.deepEqual(config.warnings, ['the flow names no executor, so the one of torch-flow.yml is served']);
});

test('every sample is expected to be something', () => {
  assert.deepEqual(readdirSync(SAMPLES).sort(), [...Object.keys(EXPECTED), '12-tls.yml']);
});

test('the built-in flows are the document’s, and the default is torch-flow.yml', async () => {
  for (const [flow, sample] of [
    ['torch', '01-torch'],
    ['onnx', '02-onnx'],
    ['tensorrt', '03-tensorrt'],
  ])
    assert.equal(
      readFileSync(join(FLOWS, `${flow}-flow.yml`), 'utf8'),
      readFileSync(join(SAMPLES, `${sample}.yml`), 'utf8'),
    );
  const config = await readConfig({}, {});
  assert.equal(config.origin, 'built-in torch-flow.yml');
  served(config, 'clip_t', 'torch');
});

test('a leading comment, a document start and any key order are fine', async () => {
  const text = readFileSync(join(SAMPLES, '02-onnx.yml'), 'utf8');
  served(await read(`# a comment\n---\n${text}`), 'clip_o', 'onnx');
  const [head, executors] = text.split('executors:');
  served(await read(`executors:${executors}${head}`), 'clip_o', 'onnx');
});
