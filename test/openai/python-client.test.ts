import { join } from 'node:path';
import { testUnmodified } from '../python/unmodified.ts';

await testUnmodified({
  name: 'openai (PyPI)',
  requirements: join(import.meta.dirname, 'requirements/openai-3.54.0.txt'),
  script: join(import.meta.dirname, 'client.py'),
  path: '/v1',
});
