import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { VARIABLES } from '../../src/config/variables.ts';
import { flow, read } from './flow.ts';

const withEnv = (env: NodeJS.ProcessEnv, server = {}) => read(flow({ server }), { env });

test('JINA_LOG_LEVEL knows every level of the reference, in any case, and TRACE', async () => {
  const levels = {
    TRACE: 'trace',
    DEBUG: 'debug',
    INFO: 'info',
    SUCCESS: 'info',
    WARNING: 'warn',
    ERROR: 'error',
    CRITICAL: 'fatal',
  };
  for (const [name, level] of Object.entries(levels))
    for (const written of [name, name.toLowerCase()])
      assert.equal((await withEnv({ JINA_LOG_LEVEL: written })).log.level, level);
  assert.equal((await withEnv({ JINA_LOG_LEVEL: '' })).log.level, 'info');
  await assert.rejects(withEnv({ JINA_LOG_LEVEL: 'LOUD' }), {
    name: 'ConfigError',
    message:
      'environment: JINA_LOG_LEVEL: expected one of TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL, got "LOUD"',
  });
});

test('JINA_LOG_CONFIG: json and quiet', async () => {
  assert.equal((await withEnv({ JINA_LOG_CONFIG: 'json' })).log.format, 'json');
  assert.equal((await withEnv({ JINA_LOG_CONFIG: 'QUIET' })).log.level, 'silent');
  assert.deepEqual((await withEnv({ JINA_LOG_CONFIG: 'docker' })).log, {
    level: 'info',
    format: 'auto',
    healthRequests: true,
  });
});

test('health requests leave the log by either name’s presence', async () => {
  for (const name of ['CICD_JINA_DISABLE_HEALTHCHECK_LOGS', 'JINA_DISABLE_HEALTHCHECK_LOGS'])
    for (const value of ['', '0', '1'])
      assert.equal((await withEnv({ [name]: value })).log.healthRequests, false);
});

test('the host: with, else JINA_DEFAULT_HOST, else all addresses', async () => {
  assert.equal((await withEnv({})).gateway.host, '0.0.0.0');
  assert.equal((await withEnv({ JINA_DEFAULT_HOST: '127.0.0.9' })).gateway.host, '127.0.0.9');
  assert.equal((await withEnv({ JINA_DEFAULT_HOST: '127.0.0.9' }, { host: 'a' })).gateway.host, 'a');
});

test('a port that the flow leaves out is drawn from the range, each once', async () => {
  const env = { JINA_RANDOM_PORT_MIN: '40000', JINA_RANDOM_PORT_MAX: '40002' };
  const { gateway, executor } = await read(flow({ server: { port: undefined, monitoring: true } }), { env });
  const drawn = [gateway.listeners[0]!.port, gateway.metricsPort!, executor.metricsPort!];
  assert.deepEqual(drawn.sort(), [40000, 40001, 40002]);
  const one = { server: { port: undefined, monitoring: true }, executor: { port_monitoring: 40000 } };
  const rest = await read(flow(one), { env });
  assert.deepEqual([rest.gateway.listeners[0]!.port, rest.gateway.metricsPort!].sort(), [40001, 40002]);
  const { gateway: free } = await read(flow({ server: { port: undefined } }));
  assert.ok(free.listeners[0]!.port >= 49152 && free.listeners[0]!.port <= 65535);
  await assert.rejects(
    read(flow(one), { env: { ...env, JINA_RANDOM_PORT_MAX: '40001' } }),
    /JINA_RANDOM_PORT_MIN: expected a free port for port_monitoring between 40000 and 40001/,
  );
  await assert.rejects(
    withEnv({ ...env, JINA_RANDOM_PORT_MAX: '39999' }),
    /^ConfigError: environment: JINA_RANDOM_PORT_MAX: expected JINA_RANDOM_PORT_MIN to be at most/,
  );
  await assert.rejects(
    withEnv({ JINA_RANDOM_PORT_MIN: 'x' }),
    /^ConfigError: environment: JINA_RANDOM_PORT_MIN: expected an integer from 1 to 65535/,
  );
});

test('OMP_NUM_THREADS: a number, or OpenMP’s list', async () => {
  assert.equal((await withEnv({})).executor.threads, undefined);
  assert.equal((await withEnv({ OMP_NUM_THREADS: '6' })).executor.threads, 6);
  assert.equal((await withEnv({ OMP_NUM_THREADS: '4,2' })).executor.threads, 4);
  for (const value of ['0', '-1', 'many', ','])
    await assert.rejects(
      withEnv({ OMP_NUM_THREADS: value }),
      /^ConfigError: environment: OMP_NUM_THREADS: expected an integer from 1 to 4096/,
    );
});

test('model files: cache, sources, offline', async () => {
  const files = async (env: NodeJS.ProcessEnv, section = {}) =>
    (await withEnv(env, { files: section })).files;
  assert.deepEqual(await files({}), { cache: '/home/me/.cache/clip', sources: undefined, offline: false });
  assert.equal((await files({ CLIP_SERVER_CACHE: '~/m' })).cache, '/home/me/m');
  assert.equal((await files({ CLIP_SERVER_CACHE: '/m' }, { cache: 'n' })).cache, join('/srv', 'n'));
  const env = { CLIP_SERVER_SOURCES: 'https://a/x, https://b' };
  assert.deepEqual((await files(env)).sources, ['https://a/x', 'https://b']);
  assert.deepEqual((await files(env, { sources: 'https://c' })).sources, ['https://c']);
  await assert.rejects(
    files({ CLIP_SERVER_SOURCES: 'a' }),
    /^ConfigError: environment: CLIP_SERVER_SOURCES: expected an http, https or file URL/,
  );
  for (const name of ['CLIP_SERVER_OFFLINE', 'HF_HUB_OFFLINE']) {
    for (const value of ['1', 'true', 'YES', 'on'])
      assert.equal((await files({ [name]: value })).offline, true);
    for (const value of ['0', 'false', 'No', 'off', ''])
      assert.equal((await files({ [name]: value })).offline, false);
    await assert.rejects(
      files({ [name]: 'maybe' }),
      /expected 1, 0, true, false, yes, no, on or off, got "maybe"/,
    );
    assert.equal((await files({ [name]: '1' }, { offline: false })).offline, false);
  }
});

test('engines: the folder by its key, its variable, else in the cache of models', async () => {
  const engines = async (env: NodeJS.ProcessEnv, files = {}) => (await withEnv(env, { files })).engines;
  assert.deepEqual(await engines({}), {
    folder: '/home/me/.cache/clip/engines',
    maxBytes: 20 * 2 ** 30,
    waitMs: 1_800_000,
    buildMs: 1_800_000,
  });
  assert.equal((await engines({ CLIP_SERVER_CACHE: '/m' })).folder, '/m/engines');
  assert.equal((await engines({ CLIP_ENGINE_CACHE: '~/e' })).folder, '/home/me/e');
  assert.equal((await engines({ CLIP_ENGINE_CACHE: '/e' }, { engines: 'f' })).folder, join('/srv', 'f'));
});

test('CLIP_SERVER_ENDPOINTS is a path as any other, and none without it', async () => {
  const file = async (env: NodeJS.ProcessEnv) => (await withEnv(env)).gateway.endpointsFile;
  assert.equal(await file({}), undefined);
  assert.equal(await file({ CLIP_SERVER_ENDPOINTS: '' }), undefined);
  assert.equal(await file({ CLIP_SERVER_ENDPOINTS: '/run/e' }), '/run/e');
  assert.equal(await file({ CLIP_SERVER_ENDPOINTS: '~/e' }), '/home/me/e');
  assert.equal(await file({ CLIP_SERVER_ENDPOINTS: 'e' }), join('/srv', 'e'));
});

test('env of the flow comes before the process’s, is returned, and changes nothing by itself', async () => {
  const env = { JINA_LOG_LEVEL: 'ERROR', HOME: '/home/me' };
  const config = await read(
    {
      ...flow({
        server: { env: { JINA_LOG_LEVEL: 'DEBUG', A: 1, B: 'with' } },
        executor: { env: ['B: own', 'HOME: /h'] },
      }),
      gateway: { env: { A: true } },
    },
    { env },
  );
  assert.equal(config.log.level, 'debug');
  assert.deepEqual(config.environment, { JINA_LOG_LEVEL: 'DEBUG', A: 'true', B: 'own', HOME: '/h' });
  assert.equal(config.files.cache, '/h/.cache/clip');
  assert.deepEqual(env, { JINA_LOG_LEVEL: 'ERROR', HOME: '/home/me' });
  assert.equal(process.env.B, undefined);
});

test('env takes names and text only', async () => {
  await assert.rejects(
    read(flow({ server: { env: { 'a b': 1 } } })),
    /with\.env: expected names of letters, digits and _/,
  );
  await assert.rejects(
    read(flow({ server: { env: { A: [1] } } })),
    /with\.env\.A: expected text, got a list/,
  );
  await assert.rejects(read(flow({ server: { env: 'A' } })), /with\.env: expected a map, got "A"/);
  await assert.rejects(
    read(flow({ server: { env: { JINA_LOG_LEVEL: 'x' } } })),
    /^ConfigError: stdin:1: with\.env\.JINA_LOG_LEVEL: expected one of/,
  );
  const { environment } = await read('jtype: Flow\nwith: {port: 1, env: {__proto__: x, constructor: y}}');
  assert.deepEqual(Object.entries(environment), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

test('accepted variables have a reason and no effect', async () => {
  for (const [name, { status, note }] of Object.entries(VARIABLES)) {
    if (status === 'honoured') continue;
    assert.ok(note.length > 10, name);
    assert.deepEqual(await withEnv({ [name]: 'anything' }), await withEnv({}));
  }
});
