import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/config/read.ts';
import { flow } from './flow.ts';

const ONE = 'sk-one-0123456789ab';
const TWO = 'sk-two-0123456789ab';
const CWD = mkdtempSync(join(tmpdir(), 'clip-keys-'));
const digest = (key: string) => createHash('sha256').update(key).digest('hex');

function read(server: Record<string, unknown>, environment: NodeJS.ProcessEnv = {}) {
  return readConfig({ argument: JSON.stringify(flow({ server })) }, environment, { cwd: CWD });
}

test('keys come from the flow and its file together, else from the environment; each once', async () => {
  writeFileSync(join(CWD, 'keys'), `# ours\r\n${ONE}\r\n\n  ${TWO}  \n`);
  const environment = { CLIP_SERVER_API_KEYS: `${TWO}, ${TWO}` };
  const keys = async (server: Record<string, unknown>, variables?: NodeJS.ProcessEnv) =>
    (await read(server, variables)).gateway.apiKeys;
  assert.deepEqual(await keys({}), []);
  assert.deepEqual(await keys({ api_keys: ONE }), [digest(ONE)]);
  assert.deepEqual(await keys({ api_keys: `${ONE},${TWO}` }), [digest(ONE), digest(TWO)]);
  assert.deepEqual(await keys({ api_keys: [TWO], api_keys_file: 'keys' }), [digest(TWO), digest(ONE)]);
  assert.deepEqual(await keys({}, environment), [digest(TWO)]);
  assert.deepEqual(await keys({ api_keys: [ONE] }, environment), [digest(ONE)]);
});

test('what is set and holds no key ends the start, and no message quotes a key', async () => {
  writeFileSync(join(CWD, 'empty'), '# nothing yet\n');
  const secret = 'hidden-0123456789';
  const faults: [Record<string, unknown>, NodeJS.ProcessEnv, RegExp][] = [
    [{ api_keys: [] }, {}, /with\.api_keys: expected at least one key, got none/],
    [{ api_keys: '' }, {}, /with\.api_keys: expected at least one key, got none/],
    [{ api_keys: [secret, null] }, {}, /api_keys: expected 1 to 512 visible ASCII .* in key 2/],
    [{ api_keys: `${secret},,${secret}` }, {}, /in key 2/],
    [{ api_keys: [secret, { a: secret }] }, {}, /in key 2/],
    [{ api_keys: { a: secret } }, {}, /expected a key, or a list of these, got a map/],
    [{ api_keys: [`${secret} ${secret}`] }, {}, /in key 1/],
    [{ api_keys: [`${secret}é`] }, {}, /in key 1/],
    [{ api_keys: [secret.repeat(31)] }, {}, /in key 1/],
    [{ api_keys_file: 'empty' }, {}, /with\.api_keys_file: expected at least one key, got none/],
    [{ api_keys_file: 'nowhere' }, {}, /api_keys_file: expected a file that can be read, got .*ENOENT/],
    [{}, { CLIP_SERVER_API_KEYS: '' }, /environment: CLIP_SERVER_API_KEYS: expected at least one key/],
    [{}, { CLIP_SERVER_API_KEYS: `${secret},,` }, /environment: CLIP_SERVER_API_KEYS: .* in key 2/],
  ];
  for (const [server, environment, message] of faults)
    await assert.rejects(read(server, environment), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes('hidden'), error.message);
      return true;
    });
});

test('a key that can be guessed is a warning that does not quote it', async () => {
  const { warnings } = await read({ api_keys: ['hidden-01234567', ONE] });
  assert.deepEqual(warnings.length, 1, String(warnings));
  assert.match(warnings[0]!, /with\.api_keys: key 1 has 15 characters; fewer than 16 can be guessed/);
});
