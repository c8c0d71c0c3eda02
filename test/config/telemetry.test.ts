import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Flow, flow, read } from './flow.ts';

const url = async (server: Flow, executor: Flow = {}) => {
  const { telemetry, warnings } = await read(flow({ server: { tracing: true, ...server }, executor }));
  return [telemetry.traces?.url, warnings.filter((line) => line.includes('port')).length];
};

test('a collector is spoken to in plaintext unless its host says https', async () => {
  for (const [server, expected] of [
    [{ traces_exporter_host: 'otel', traces_exporter_port: 5 }, ['http://otel:5', 0]],
    [{ traces_exporter_host: 'http://otel' }, ['http://otel:4317', 0]],
    [{ traces_exporter_host: 'https://otel/', traces_exporter_port: 443 }, ['https://otel:443', 0]],
    [{ traces_exporter_host: '10.0.0.1:80' }, ['http://10.0.0.1:80', 0]],
    [{ traces_exporter_host: '[::1]', traces_exporter_port: '4317' }, ['http://[::1]:4317', 0]],
    [{ traces_exporter_host: 'otel:1', traces_exporter_port: 2 }, ['http://otel:2', 1]],
    [{}, [undefined, 0]],
  ] as const)
    assert.deepEqual(await url(server), expected);
});

test('the keys of the server come before those of the executor', async () => {
  const executor = { traces_exporter_host: 'b', traces_exporter_port: 2 };
  assert.deepEqual(await url({}, executor), ['http://b:2', 0]);
  assert.deepEqual(await url({ traces_exporter_host: 'a' }, executor), ['http://a:2', 0]);
});

test('a host that is none is a fault with its place', async () => {
  for (const host of ['grpc://otel', 'otel/path', 'a b', 'http://', 'a:b', 'a:99999'])
    await assert.rejects(url({ traces_exporter_host: host }), {
      name: 'ConfigError',
      message:
        /traces_exporter_host: expected a host, with http:\/\/ or https:\/\/ before it or without, got/,
    });
});
