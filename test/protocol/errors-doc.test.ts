import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERRORS } from '../../src/errors.ts';

test('docs/errors.md says what the table of errors says', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [
    ...text.matchAll(/^\| `(\w+)` +\| (.+?) +\| (\d+) +\| (\w+) +\| (yes|no) +\| `(\w+)` +\|$/gm),
  ];
  const documented = rows.map(([, code, sentence, http, grpc, retryable, exception]) => [
    code,
    { sentence, http: Number(http), grpc, retryable: retryable === 'yes', exception },
  ]);
  assert.deepEqual(Object.fromEntries(documented), ERRORS);
  assert.equal(rows.length, Object.keys(ERRORS).length);
});
