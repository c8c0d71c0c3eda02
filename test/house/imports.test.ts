import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const SRC = resolve(import.meta.dirname, '../../src');
const ANYWHERE = ['errors.ts', 'abort.ts', 'child.ts', 'float16.ts', 'observe'];
/** Folder → the folders that it may import besides itself (design: data flows one way). */
const MAY_IMPORT: Record<string, string[]> = {
  'errors.ts': [],
  'abort.ts': [],
  'child.ts': [],
  'float16.ts': [],
  config: [],
  observe: ['config'],
  native: ['model/tower.ts'],
  host: ['model', 'native'],
  supervise: ['config', 'host', 'engine/engine.ts'],
  model: ['config'],
  preprocess: ['config', 'model', 'native'],
  engine: ['config', 'model', 'native'],
  schedule: ['config', 'model', 'engine/engine.ts'],
  service: ['config', 'model', 'preprocess', 'schedule', 'engine/engine.ts', 'engine/instead.ts'],
  playground: ['config', 'service'],
  protocol: ['config', 'service', 'playground'],
  client: ['protocol/jina'],
  cli: [
    'config',
    'model',
    'engine/engine.ts',
    'engine/instead.ts',
    'engine/rewrite/plan.ts',
    'engine/tensorrt',
    'native',
    'host',
    'supervise',
    'client',
    'service/rank.ts',
    'preprocess/image/thumbnail.ts',
    'main.ts',
    'build.ts',
  ],
  'build.ts': ['config', 'model', 'preprocess', 'native', 'engine', 'host'],
  'main.ts': [
    'config',
    'model',
    'preprocess',
    'native',
    'engine',
    'schedule',
    'service',
    'playground',
    'protocol',
    'cli',
  ],
};

test('imports follow the direction of the data', () => {
  const wrong: string[] = [];
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!/\.c?ts$/.test(file)) continue;
    const home = file.split('/')[0]!;
    const allowed = [home, ...ANYWHERE, ...(MAY_IMPORT[home] ?? [])];
    for (const [, target] of readFileSync(join(SRC, file), 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      const path = relative(SRC, resolve(SRC, dirname(file), target!));
      if (!allowed.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)))
        wrong.push(`${file} → ${path}`);
    }
  }
  assert.deepEqual(wrong, []);
});
