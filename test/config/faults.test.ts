import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMIT_KEYS } from '../../src/config/keys/server.ts';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { distance, nearest } from '../../src/config/spelling.ts';
import { type Flow, flow, read } from './flow.ts';

const warningsOf = async (parts: Record<string, Flow>) => (await read(flow(parts))).warnings;

test('an unknown key is a warning with the key that was meant', async () => {
  assert.deepEqual(await warningsOf({ server: { prot_monitoring: 1 } }), [
    'stdin:1: with.prot_monitoring: unknown key, ignored; did you mean port_monitoring?',
  ]);
  assert.deepEqual(await warningsOf({ executor: { replica: 2 } }), [
    'stdin:1: executors[0].replica: unknown key, ignored; did you mean replicas?',
  ]);
  assert.deepEqual(await warningsOf({ encoder: { minibatchsize: 2 } }), [
    'stdin:1: executors[0].uses.with.minibatchsize: unknown key, ignored; did you mean minibatch_size?',
  ]);
  assert.deepEqual(await warningsOf({ server: { zzzzzz: 1 } }), [
    'stdin:1: with.zzzzzz: unknown key, ignored',
  ]);
  assert.deepEqual(await warningsOf({ server: { minibatch_size: 1 } }), [
    'stdin:1: with.minibatch_size: unknown key, ignored; it belongs under executors[].uses.with',
  ]);
  assert.deepEqual(await warningsOf({ server: { limits: { 'drain-sm': 1 } } }), [
    'stdin:1: with.limits.drain-sm: unknown key, ignored; did you mean drain_ms?',
  ]);
  const [warning] = await warningsOf({ server: { 'a\n\u001b[31m': 1 } });
  assert.equal(warning, 'stdin:1: with."a\\n\\u001b[31m": unknown key, ignored');
});

test('spelling counts letters added, dropped, changed and swapped', () => {
  for (const [a, b, slips] of [
    ['', 'ab', 2],
    ['port', 'port', 0],
    ['prot', 'port', 1],
    ['pot', 'port', 1],
    ['porrt', 'port', 1],
    ['pert', 'port', 1],
    ['kitten', 'sitting', 3],
  ] as const)
    assert.equal(distance(a, b), slips, `${a} ${b}`);
  assert.equal(nearest('PROTOCL', ['port', 'protocol']), 'protocol');
  assert.equal(nearest('x', ['port']), undefined);
  assert.equal(nearest('x'.repeat(41), ['x'.repeat(41)]), undefined);
});

test('all faults of a file come together, one per line, with file, line and key', async () => {
  const text = `jtype: Flow
with:
  port: 70000
  cors: on
  protocl: http
  limits: {drain_ms: 0}
executors:
  - name: a b
    replicas: 0
    uses:
      jtype: CLIPEncoder
      with: {device: gpu, dtype: int8, access_paths: r}
      py_modules: clip_x.py
`;
  await assert.rejects(read(text), (error: Error) => {
    assert.equal(error.name, 'ConfigError');
    assert.deepEqual(error.message.split('\n'), [
      'stdin:3: with.port: expected an integer from 0 to 65535, or a list of these, got "70000"',
      'stdin:4: with.cors: expected true or false, got "on"',
      'stdin:6: with.limits.drain_ms: expected an integer from 1 to 2147483647, got "0"',
      'stdin:8: executors[0].name: expected letters, digits, _ and -, with a letter first, got "a b"',
      'stdin:9: executors[0].replicas: expected an integer from 1 to 1024, got "0"',
      'stdin:12: executors[0].uses.with.device: expected cpu, cuda or cuda:N, got "gpu"',
      'stdin:12: executors[0].uses.with.dtype: expected one of fp32, fp16, bf16, got "int8"',
      'stdin:12: executors[0].uses.with.access_paths: expected paths such as @r, @c or @r,cm, got "r"',
      'stdin:13: executors[0].uses.py_modules: expected a module named clip_torch, clip_hg, clip_onnx, clip_tensorrt, got "clip_x.py"',
      'warning: stdin:5: with.protocl: unknown key, ignored; did you mean protocol?',
    ]);
    return true;
  });
});

test('ports: a list as long as that of protocols, each once, 0 as often as one likes', async () => {
  const listeners = async (server: Flow) => (await read(flow({ server }))).gateway.listeners;
  const three = { protocol: ['http', 'GRPC', 'WebSocket'], port: [1, 2, 3] };
  assert.deepEqual(await listeners(three), [
    { protocol: 'http', port: 1 },
    { protocol: 'grpc', port: 2 },
    { protocol: 'websocket', port: 3 },
  ]);
  assert.deepEqual(
    await listeners({ protocol: ['http', 'grpc'], port: [0, 0] }).then((all) => all.map(({ port }) => port)),
    [0, 0],
  );
  await assert.rejects(
    listeners({ ...three, port: [1, 2] }),
    /with\.port: expected as many ports as protocols \(3\), got 2/,
  );
  await assert.rejects(
    listeners({ ...three, port: 1 }),
    /with\.port: expected as many ports as protocols \(3\), got 1/,
  );
  await assert.rejects(
    listeners({ ...three, port: [1, 2, 1] }),
    /with\.port: expected a port of its own, got 1, which with\.port has/,
  );
  await assert.rejects(
    listeners({ protocol: [] }),
    /with\.protocol: expected at least one protocol, got none/,
  );
  await assert.rejects(
    listeners({ protocol: 'ftp' }),
    /with\.protocol: expected one of grpc, http, websocket, or a list of these, got "ftp"/,
  );
  for (const port of [-1, 65536, 1.5, 'a', [[1]], {}, true])
    await assert.rejects(listeners({ port }), /with\.port: expected an integer from 0 to 65535/);
  for (const port of [0, 65535]) assert.equal((await listeners({ port }))[0]!.port, port);
});

test('protocol names that mean another are taken with a warning', async () => {
  for (const [written, meant] of [
    ['ws', 'websocket'],
    ['WSS', 'websocket'],
    ['https', 'http'],
    ['grpcs', 'grpc'],
    ['websockets', 'websocket'],
  ]) {
    const { gateway, warnings } = await read(flow({ server: { protocol: written } }));
    assert.equal(gateway.listeners[0]!.protocol, meant);
    assert.deepEqual(warnings, [`stdin:1: with.protocol: ${written!.toLowerCase()} is taken as ${meant}`]);
  }
});

test('a metrics port is one of its own', async () => {
  const monitored = (port: number) =>
    read(flow({ server: { monitoring: true, port_monitoring: 9090 }, executor: { port_monitoring: port } }));
  assert.equal((await monitored(9091)).executor.metricsPort, 9091);
  await assert.rejects(
    monitored(9090),
    /executors\[0\]\.port_monitoring: expected a port of its own, got 9090, which with\.port_monitoring has/,
  );
  const off = await read(flow({ server: { monitoring: true }, executor: { monitoring: false } }));
  assert.equal(off.executor.metricsPort, undefined);
  const several = await read(flow({ executor: { monitoring: true, port_monitoring: [1, 2, 3] } }));
  assert.match(
    several.warnings[0]!,
    /executors\[0\]\.port_monitoring: all replicas are served on port 1; 2, 3 stay closed/,
  );
});

test('every limit is taken at its bounds and refused beyond them', async () => {
  for (const [name, { type, fallback }] of Object.entries(LIMIT_KEYS)) {
    const most = /to (\d+)$/.exec(type.expected)?.[1];
    for (const value of ['1', String(fallback), ...(most ? [most] : [])])
      await read(flow({ server: { limits: { [name]: value } } }));
    const key = new RegExp(`^ConfigError: stdin:1: with\\.limits\\.${name}: expected an integer `);
    for (const value of ['0', '-1', '1.5', 'many', ...(most ? [String(Number(most) + 1)] : [])])
      await assert.rejects(read(flow({ server: { limits: { [name]: value } } })), key);
  }
  assert.deepEqual((await read(flow())).limits, DEFAULT_LIMITS);
});

test('upstream’s words for limits count where ours are not set', async () => {
  const { limits } = await read(
    flow({
      server: { uvicorn_kwargs: { limit_concurrency: 5, ws_max_size: 6 }, limits: { connections: 7 } },
    }),
  );
  assert.equal(limits.connections, 7);
  assert.equal(limits.requestBytes, 6);
});

test('timeouts: −1 and 0 are without bound, the executor’s own comes before the inherited', async () => {
  const start = async (parts: Record<string, Flow>) => (await read(flow(parts))).executor.startTimeoutMs;
  assert.equal(await start({}), undefined);
  for (const none of [-1, 0])
    assert.equal(await start({ executor: { timeout_ready: none }, server: { timeout_ready: 5 } }), undefined);
  assert.equal(await start({ executor: { timeout_ready: 4 }, server: { timeout_ready: 5 } }), 4);
  for (const none of [-1, 0])
    assert.equal((await read(flow({ server: { timeout_send: none } }))).gateway.requestTimeoutMs, undefined);
  await assert.rejects(
    start({ server: { timeout_ready: 2 ** 31 } }),
    /with\.timeout_ready: expected an integer from -1 to 2147483647/,
  );
});

test('gateway comes before with, and executors inherit from with alone', async () => {
  const text = {
    ...flow({ server: { cors: true, title: 'a', replicas: 2 } }),
    gateway: { title: 'b', replicas: 3 },
  };
  const { gateway, executor } = await read(text);
  assert.deepEqual([gateway.cors, gateway.title, executor.replicas], [true, 'b', 2]);
});

test('the fetch and files sections are checked', async () => {
  for (const host of ['10.0.0.0/33', 'a b', '10.0.0/8', '::1/129', '-a', 'a/8', 'http://a'])
    await assert.rejects(
      read(flow({ server: { fetch: { allow: [host] } } })),
      /with\.fetch\.allow: expected a host, an address or a range/,
      host,
    );
  for (const url of ['ftp://a', 'a'])
    await assert.rejects(
      read(flow({ server: { files: { sources: [url] } } })),
      /with\.files\.sources: expected an http, https or file URL/,
    );
});

test('TLS: one file alone, a missing one and a directory are faults', async () => {
  await assert.rejects(
    read(flow({ server: { ssl_keyfile: 'k' } })),
    /with\.ssl_keyfile: expected ssl_certfile beside it, got nothing/,
  );
  await assert.rejects(
    read(flow({ server: { ssl_certfile: 'k' } })),
    /with\.ssl_certfile: expected ssl_keyfile beside it, got nothing/,
  );
  const both = { ssl_certfile: '.', ssl_keyfile: 'none.pem' };
  await assert.rejects(read(flow({ server: both }), { cwd: import.meta.dirname }), (error: Error) => {
    assert.match(error.message, /with\.ssl_certfile: expected a file that can be read, got /);
    assert.match(error.message, /with\.ssl_keyfile: expected a file, got .*none\.pem, which does not exist/);
    return true;
  });
});

test('expose_endpoints may be JSON text; paths must be paths', async () => {
  const exposed = async (value: unknown) =>
    (await read(flow({ server: { expose_endpoints: value } }))).gateway.exposedEndpoints;
  const expected = [
    { path: '/v', endpoint: '/encode', methods: ['GET'], summary: undefined, tags: undefined },
  ];
  assert.deepEqual(await exposed('{"/encode": {"http_path": "/v", "methods": ["GET"]}}'), expected);
  assert.deepEqual(await exposed({ '/a': null }), [
    { path: '/a', endpoint: '/a', methods: ['POST'], summary: undefined, tags: undefined },
  ]);
  for (const value of ['{', '3', [1], { a: null }, { '/a': { http_path: '/x y' } }])
    await assert.rejects(
      exposed(value),
      /^ConfigError: stdin:1: with\.expose_endpoints\S*: expected /,
      JSON.stringify(value),
    );
});

test('a flow that never falls back is told so', async () => {
  const { warnings } = await read(flow({ encoder: { fallback: false } }));
  assert.deepEqual(warnings, [
    'stdin:1: executors[0].uses.with.fallback: clip_onnx is always served by ONNX Runtime',
  ]);
});

test('deprecated paths are taken with one warning', async () => {
  const { executor, warnings } = await read(flow({ encoder: { access_paths: '@m', traversal_paths: '@c' } }));
  assert.equal(executor.accessPaths, '@c');
  assert.deepEqual(warnings, [
    'stdin:1: executors[0].uses.with.traversal_paths: the name is deprecated; write access_paths',
  ]);
});
