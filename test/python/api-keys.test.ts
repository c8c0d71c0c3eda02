import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openRig } from '../client/rig.ts';
import { pythonOrSkip } from './environment.ts';

const KEY = 'sk-of-the-python-client';
const { python, skip } = await pythonOrSkip(join(import.meta.dirname, 'requirements/jina-3.15.2.txt'));

/** Prints the width of a vector, or what the client raised. */
const SCRIPT = `
import sys
from clip_client import Client
url, key = sys.argv[1:]
try:
    print(Client(url, credential={'Authorization': key}).encode(['a'], show_progress=False).shape[1])
except Exception as error:
    print(type(error).__name__)
`;

test('the Python client sends an API key over gRPC and HTTP', { skip, timeout: 120_000 }, async () => {
  await using rig = await openRig([KEY]);
  const told = async (scheme: 'grpc' | 'http', key: string) => {
    const { stdout } = await promisify(execFile)(python, ['-c', SCRIPT, rig.url(scheme), key]);
    return stdout.trim().split('\n').at(-1);
  };
  for (const scheme of ['grpc', 'http'] as const) {
    for (const key of [KEY, `Bearer ${KEY}`]) assert.equal(await told(scheme, key), '4', scheme);
    assert.match((await told(scheme, 'another-key'))!, /Error|Exception|Invalid|BadServerFlow/, scheme);
  }
  assert.equal(rig.service.open, 0);
});
