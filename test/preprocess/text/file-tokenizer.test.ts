import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { createTokenizer } from '../../../src/preprocess/text/tokenizer.ts';
import { contractWith } from './contract.ts';

const golden = (name: string) => new URL(`goldens/${name}`, import.meta.url).pathname;
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
const folder = await mkdtemp(join(tmpdir(), 'clip-tokenizer-'));
after(() => rm(folder, { recursive: true }));

/** A tokenizer.json like the golden one but for some keys, and its tokenizer_config.json where one is given. */
async function open(changes: object, settings?: object, contextLength?: number) {
  const tokenizerFile = join(await mkdtemp(join(folder, 'model-')), 'tokenizer.json');
  await writeFile(
    tokenizerFile,
    JSON.stringify({ ...(await readJson(golden('tokenizer.json'))), ...changes }),
  );
  if (settings) await writeFile(tokenizerFile.replace('.json', '_config.json'), JSON.stringify(settings));
  return createTokenizer(contractWith({ tokenizerFile, contextLength }), DEFAULT_LIMITS);
}

test('a tokenizer.json gives the ids that Hugging Face’s library gives', async () => {
  const own = await createTokenizer(
    contractWith({ tokenizerFile: golden('tokenizer.json') }),
    DEFAULT_LIMITS,
  );
  const rows: [string, number[], number][] = await readJson(golden('file-tokens.json'));
  for (const [text, ids, length] of rows) {
    const got = own.encode(text);
    assert.deepEqual([...got.ids], ids, text);
    assert.equal(got.length, length, text);
  }
});

test('the text tower’s context length goes before the file’s', async () => {
  const own = await open({ truncation: null }, undefined, 7);
  const { ids, length } = own.encode('the cat and the dog sit on the mat');
  assert.equal(own.contextLength, 7);
  assert.equal(length, 7);
  assert.equal(ids[0], 0);
  assert.deepEqual([...ids.subarray(5)], [2, 2]);
});

test('the padding is the file’s, else the configuration’s, else 0', async () => {
  const lastOf = async (...files: Parameters<typeof open>) => (await open(...files)).encode('x').ids.at(-1);
  assert.equal(await lastOf({}, { pad_token: '</s>' }), 1);
  assert.equal(await lastOf({ padding: null }, { pad_token: '</s>' }), 2);
  assert.equal(await lastOf({ padding: null }, { pad_token: { content: '</s>' } }), 2);
  assert.equal(await lastOf({ padding: null }), 0);
});

test('what a text tower cannot be given is refused at load', async () => {
  const faults: [object, object | undefined, RegExp][] = [
    [
      { padding: { direction: 'Left' } },
      undefined,
      /tokenizer\.json: padding\.direction: expected "right", got "Left"/,
    ],
    [
      {},
      { truncation_side: 'left' },
      /tokenizer_config\.json: truncation_side: expected "right", got "left"/,
    ],
    [
      { padding: null, truncation: null },
      { model_max_length: 1e30 },
      /expected a context length of at most 8192.*got 1e\+30/,
    ],
  ];
  for (const [changes, settings, message] of faults) {
    await assert.rejects(open(changes, settings), { name: 'ConfigError', message });
  }
  const broken = join(folder, 'broken.json');
  await writeFile(broken, '{');
  await assert.rejects(createTokenizer(contractWith({ tokenizerFile: broken }), DEFAULT_LIMITS), {
    name: 'ConfigError',
    message: /broken\.json: expected JSON, got: /,
  });
});
