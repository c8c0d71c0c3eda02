import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { encodeMessage } from '../../../src/protocol/jina/wire/writer.ts';
import { duplex, fields, openRig, outcome, text, unary, until } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };
const LISTED = [
  'jina.JinaRPC',
  'jina.JinaSingleDataRequestRPC',
  'jina.JinaDataRequestRPC',
  'jina.JinaGatewayDryRunRPC',
  'jina.JinaDiscoverEndpointsRPC',
  'jina.JinaInfoRPC',
  'grpc.reflection.v1alpha.ServerReflection',
];
const SERVING = Buffer.from('0801', 'hex');
const NOT_SERVING = Buffer.from('0802', 'hex');
const SERVICE_UNKNOWN = Buffer.from('0803', 'hex');

/** A message with one text. */
const asking = (value: string, field = 1) => encodeMessage((out) => out.string((field << 3) | 2, value));

test('a dry run that succeeds is no bytes; one that fails says why', TIMEOUT, async () => {
  await using rig = await openRig();
  const path = '/jina.JinaGatewayDryRunRPC/dry_run';
  assert.equal((await unary(rig.client(), path)).length, 0);
  rig.reasons.push('the model is still being loaded');
  const failed = await unary(rig.client(), path);
  assert.equal(failed[1], 1);
  assert.match(text(failed, 2), /the model is still being loaded/);
});

test('the versions are those that /status has', TIMEOUT, async () => {
  await using rig = await openRig();
  const info = await unary(rig.client(), '/jina.JinaInfoRPC/_status');
  const jina = new Map(fields(info, 1).map((entry) => [text(entry, 1), text(entry, 2)]));
  assert.equal(jina.get('jina'), 'clip-server 1.2.3');
  assert.equal(jina.get('docarray'), '(unset)');
  assert.ok(fields(info, 2).some((entry) => text(entry, 1) === 'JINA_LOG_LEVEL'));
});

test('the endpoints can be asked for', TIMEOUT, async () => {
  await using rig = await openRig();
  const reply = await unary(rig.client(), '/jina.JinaDiscoverEndpointsRPC/endpoint_discovery');
  const endpoints = fields(reply, 1).map((name) => Buffer.from(name).toString());
  assert.deepEqual(endpoints, ['/default', '/encode', '/index', '/rank', '/search']);
});

test('health is that of the server, under every listed name and none', TIMEOUT, async () => {
  await using rig = await openRig();
  const client = rig.client();
  const check = (service: string) => unary(client, '/grpc.health.v1.Health/Check', asking(service));
  for (const service of ['', ...LISTED]) assert.deepEqual(await check(service), SERVING);
  await assert.rejects(check('nobody'), { code: status.NOT_FOUND });
  rig.reasons.push('no engine');
  assert.deepEqual(await check('jina.JinaRPC'), NOT_SERVING);
});

test('a watch of the health tells each change, and ends with the server', TIMEOUT, async () => {
  await using rig = await openRig();
  const watch = duplex(rig.client(), '/grpc.health.v1.Health/Watch');
  const ended = outcome(watch);
  let told = 0;
  watch.on('data', () => told++);
  watch.end(asking(''));
  await until(() => told === 1);
  rig.reasons.push('no engine');
  await until(() => told === 2);
  rig.reasons.pop();
  await until(() => told === 3);
  await rig.listener.close(5000);
  const { messages, status: end } = await ended;
  assert.deepEqual(messages, [SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
  assert.equal(end.code, status.UNAVAILABLE);
});

test('a watch of a service that there is not says so, and stays', TIMEOUT, async () => {
  await using rig = await openRig();
  const watch = duplex(rig.client(), '/grpc.health.v1.Health/Watch');
  const first = new Promise((resolve) => watch.once('data', resolve));
  watch.on('error', () => {});
  watch.write(asking('nobody'));
  assert.deepEqual(await first, SERVICE_UNKNOWN);
});

for (const version of ['v1alpha', 'v1']) {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  test(`reflection ${version} lists services and shows what they speak`, TIMEOUT, async () => {
    await using rig = await openRig();
    const stream = duplex(rig.client(), path);
    stream.write(asking('', 7));
    stream.write(asking('jina.JinaRPC', 4));
    stream.write(asking('docarray.proto', 3));
    stream.write(asking('jina.StatusProto.ExceptionProto', 4));
    stream.write(asking('jina.JinaRPC.Call', 4));
    stream.write(asking('no.such.Thing', 4));
    stream.end();
    const { messages, status: end } = await outcome(stream);
    assert.equal(end.code, status.OK);
    const services = fields(fields(messages[0]!, 6)[0]!, 1).map((service) => text(service, 1));
    assert.deepEqual(services, LISTED);
    const files = messages.slice(1, 5).map((message) => fields(fields(message, 4)[0]!, 1));
    const names = files.map((each) => each.map((file) => text(file, 1)));
    const ofJina = [
      'jina.proto',
      'docarray.proto',
      'google/protobuf/empty.proto',
      'google/protobuf/struct.proto',
      'google/protobuf/timestamp.proto',
    ];
    assert.deepEqual(names, [ofJina, ['docarray.proto', 'google/protobuf/struct.proto'], ofJina, ofJina]);
    const [error] = fields(messages[5]!, 7);
    assert.deepEqual([error![1], text(error!, 2)], [status.NOT_FOUND, 'there is no no.such.Thing']);
    assert.deepEqual(fields(messages[5]!, 2)[0], asking('no.such.Thing', 4));
  });
}

test('reflection can be turned off', TIMEOUT, async () => {
  await using rig = await openRig({ grpc: { reflection: false } });
  const stream = duplex(rig.client(), '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo');
  stream.end(asking('', 7));
  assert.equal((await outcome(stream)).status.code, status.UNIMPLEMENTED);
  const check = unary(rig.client(), '/grpc.health.v1.Health/Check', asking(LISTED.at(-1)!));
  await assert.rejects(check, { code: status.NOT_FOUND });
});

test('probes are counted under their path', TIMEOUT, async () => {
  await using rig = await openRig();
  await unary(rig.client(), '/jina.JinaInfoRPC/_status');
  const counts = await rig.metrics.registry.getSingleMetricAsString('clip_requests_total');
  assert.match(counts, /protocol="grpc",route="\/jina.JinaInfoRPC\/_status",code="ok"} 1/);
});
