import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type FromServing, GPU_LOST, type Task } from '../../src/supervise/messages.ts';
import { startServing } from '../../src/supervise/serving-process.ts';
import { emptyFolder } from '../model/folder.ts';

/** A process that is told its task, says this, and ends with the code. */
async function endingOf(t: TestContext, code: number, said: FromServing) {
  const path = join(await emptyFolder(t), 'serving.mjs');
  await writeFile(
    path,
    `process.once('message', () => process.send(${JSON.stringify(said)}, () => process.exit(${code})));`,
  );
  const options = { file: pathToFileURL(path), flags: [], environment: process.env, onServes: () => {} };
  return startServing({} as Task, options).ended;
}

test('how a serving process ended is told with what it said last', async (t) => {
  assert.deepEqual(await endingOf(t, 1, { why: 'the port is taken' }), {
    code: 1,
    words: 'ended with code 1: the port is taken',
    cause: 'failed',
  });
  assert.deepEqual(await endingOf(t, GPU_LOST, { lost: 'hung', why: 'no answer in 5 s' }), {
    code: GPU_LOST,
    words: 'lost its GPU: no answer in 5 s',
    cause: 'hung',
  });
  assert.equal((await endingOf(t, 1, 'serves')).words, 'ended with code 1');
});
