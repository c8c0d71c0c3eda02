import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { EMBEDDING_TYPES, readForm } from '../../src/service/form.ts';
import { shape } from '../../src/service/shape.ts';
import { testModel } from '../models/test-model.ts';
import { pythonOrSkip } from '../python/environment.ts';
import { serveModel } from '../server/start.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const document = readFileSync(join(ROOT, 'docs/forms.md'), 'utf8');
const run = promisify(execFile);

function blocks(language: string): string[] {
  return [...document.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text]) => text!,
  );
}

test('the definition in NumPy gives the bytes of the goldens', async (t) => {
  const definition = blocks('python').find((block) => block.includes('def form('));
  const check = `${definition}
import base64, json, sys
goldens = json.load(open(sys.argv[1]))
for case in goldens['cases']:
    vector = np.frombuffer(base64.b64decode(goldens['vectors'][case['vector']]), '<f4')
    wanted = case['parameters']
    got = form(vector, wanted['embedding_type'], wanted.get('dimensions'), wanted['normalize'])
    assert got.dtype.str == case['dtype'], case
    assert base64.b64encode(got.tobytes()).decode() == case['expected'], case
print(len(goldens['cases']))
`;
  const { python, skip } = await pythonOrSkip(join(ROOT, 'test/python/requirements/jina-3.15.2.txt'));
  if (skip) return t.skip(skip);
  const goldens = join(ROOT, 'test/service/goldens/forms.json');
  const { stdout } = await run(python, ['-W', 'ignore', '-c', check, goldens]);
  assert.ok(Number(stdout) > 100, stdout);
});

test('the document names every type, with the bytes that it takes', () => {
  const [, rows] = document.split('| Type      | Bytes of 512 dimensions |');
  const found = [...rows!.matchAll(/^\| `(\w+)` +\| (\d+) /gm)].map(([, type, bytes]) => [
    type,
    Number(bytes),
  ]);
  const vector = new Float32Array(512).fill(1);
  const sizes = EMBEDDING_TYPES.map((type) => {
    const form = readForm({ embedding_type: type }, { model: 'm', width: 512 });
    return [type, shape(vector, form).data.byteLength];
  });
  assert.deepEqual(found, sizes);
});

test('the request that the document shows is answered in its form', async () => {
  const [command] = blocks('sh');
  const server = await serveModel(await testModel('tiny'));
  try {
    const typed = command!.replace('localhost:51000', new URL(server.url).host);
    const { stdout } = await run('bash', ['-c', typed]);
    const { data, parameters } = JSON.parse(stdout);
    assert.equal(data[0].embedding.length, 16);
    assert.ok(data[0].embedding.every(Number.isInteger), stdout);
    assert.equal(parameters.__warnings__.length, 1);
  } finally {
    await server.close();
  }
});
