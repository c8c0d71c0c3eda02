import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { test } from 'node:test';

const ENTRY = resolve(import.meta.dirname, '../../src/client/browser.ts');

test('what a browser loads imports nothing but files of its own', () => {
  const seen = new Set<string>();
  const foreign: string[] = [];
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const code = readFileSync(file, 'utf8').replace(/^(import|export) type [^;]*;/gms, '');
    for (const [, target] of code.matchAll(/(?:from|import\() ?'([^']+)'/g))
      if (target!.startsWith('.')) visit(resolve(dirname(file), target!));
      else foreign.push(`${file} → ${target}`);
    if (/\bprocess\./.test(code)) foreign.push(`${file} → process`);
  };
  visit(ENTRY);
  assert.deepEqual(foreign, []);
  assert.ok(seen.size > 20, 'the wire is among them');
});
