import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openRig } from '../client/rig.ts';
import { MoodyService } from '../openai/moody-service.ts';
import { pythonWith } from './environment.ts';

const KEY = 'sk-of-the-python-tests';
const RUN_MS = 120_000;

export interface Unmodified {
  /** The client and its version. */
  readonly name: string;
  readonly requirements: string;
  /** Run with URL, key and model; prints a line of JSON for each case, `{name, ok, detail}`, and `{cases}` last. */
  readonly script: string;
  /** What the client's base URL has behind the server's. */
  readonly path: string;
}

/** Declares a test for what users do with a Python client, case by case. */
export async function testUnmodified({ name, requirements, script, path }: Unmodified): Promise<void> {
  const python = await pythonWith(requirements).catch((error: Error) => {
    if (process.env.CLIP_SERVER_REQUIRE_PYTHON) throw error;
    return error;
  });
  const skip = python instanceof Error && `no Python client: ${python.message}`;
  test(`${name}, unmodified`, { skip, timeout: RUN_MS }, async (t: TestContext) => {
    await using rig = await openRig([KEY], new MoodyService());
    const { stdout } = await promisify(execFile)(
      python as string,
      [script, rig.url('http') + path, KEY, 'fake::model'],
      { timeout: RUN_MS, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { cases } = lines.pop();
    if (cases !== lines.length) throw new Error(`expected ${cases} cases, got ${lines.length}: ${stdout}`);
    for (const { name: each, ok, detail } of lines)
      await t.test(each, () => {
        if (!ok) throw new Error(detail);
      });
  });
}
