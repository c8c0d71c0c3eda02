import { join } from 'node:path';
import { testUnmodified } from '../python/unmodified.ts';

await testUnmodified({
  name: 'cohere (PyPI)',
  requirements: join(import.meta.dirname, 'requirements/cohere-7.3.1.txt'),
  script: join(import.meta.dirname, 'client.py'),
  path: '',
});
