// npm run test:gpu [-- MODEL…] [--only PHASE,…]: sets up what is missing, then tries the project on the GPU of this host;
// docs/gpu.md says how. Nothing is fetched where node_modules is there.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
createRequire(import.meta.url)('./build.cjs');
const command = ['--import', 'tsx', 'test/gpu/run.ts', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, command, {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
});
process.exit(status ?? 1);
