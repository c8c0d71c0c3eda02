import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openRig } from '../client/rig.ts';
import { MoodyService } from '../openai/moody-service.ts';
import { pythonOrSkip } from './environment.ts';

const KEY = 'sk-of-the-python-tests';
const RUN_MS = 120_000;

export interface Unmodified {
  /** The client and its version. */
  readonly name: string;
  readonly requirements: string;
  /** Run with URL, key and model; gives its cases to `run_cases` of cases.py. */
  readonly script: string;
  /** What the client's base URL has behind the server's. */
  readonly path: string;
}

/** Declares a test for what users do with a Python client, case by case. */
export async function testUnmodified({ name, requirements, script, path }: Unmodified): Promise<void> {
  const { python, skip } = await pythonOrSkip(requirements);
  test(`${name}, unmodified`, { skip, timeout: RUN_MS }, async (t: TestContext) => {
    await using rig = await openRig([KEY], new MoodyService());
    const { stdout } = await promisify(execFile)(
      python,
      [script, rig.url('http') + path, KEY, 'fake::model'],
      {
        timeout: RUN_MS,
        env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: import.meta.dirname },
      },
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
