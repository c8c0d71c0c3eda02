import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openRig } from '../client/rig.ts';
import { pythonWith } from '../python/environment.ts';
import { MoodyService } from './moody-service.ts';

const KEY = 'sk-of-the-python-tests';
const RUN_MS = 120_000;

const python = await pythonWith(join(import.meta.dirname, 'requirements/openai-3.54.0.txt')).catch(
  (error: Error) => {
    if (process.env.CLIP_SERVER_REQUIRE_PYTHON) throw error;
    return error;
  },
);
const skip = python instanceof Error && `no Python client: ${python.message}`;

test('openai (PyPI), unmodified', { skip, timeout: RUN_MS }, async (t: TestContext) => {
  await using rig = await openRig([KEY], new MoodyService());
  const script = join(import.meta.dirname, 'client.py');
  const { stdout } = await promisify(execFile)(
    python as string,
    [script, `${rig.url('http')}/v1`, KEY, 'fake::model'],
    { timeout: RUN_MS, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } },
  );
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { cases } = lines.pop();
  if (cases !== lines.length) throw new Error(`expected ${cases} cases, got ${lines.length}: ${stdout}`);
  for (const { name, ok, detail } of lines)
    await t.test(name, () => {
      if (!ok) throw new Error(detail);
    });
});
