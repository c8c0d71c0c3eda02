import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { askChild } from '../src/child.ts';
import { emptyFolder } from './model/folder.ts';

test('a failure says which signal ended the process, and names none where its time was up', async (t) => {
  const folder = await emptyFolder(t);
  const ask = async (source: string, limitMs: number) => {
    const path = join(folder, `${limitMs}.mjs`);
    await writeFile(path, source);
    const { signal } = new AbortController();
    return askChild({}, { signal, limitMs, file: pathToFileURL(path) }, () => undefined);
  };
  assert.deepEqual(await ask("process.kill(process.pid, 'SIGKILL')", 60_000), {
    failure: 'its process ended with SIGKILL',
    endedBy: 'SIGKILL',
  });
  assert.deepEqual(await ask("process.on('message', () => {})", 50), {
    failure: 'it took longer than 0.05 s',
  });
});
