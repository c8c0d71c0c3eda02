// npm test [-- PATH…]: sets up what is missing, then runs every test file, or those whose path contains an argument.
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT } = require('./setup.cjs');

require('./build.cjs');

const REAL_TENSORRT = path.join('test', 'tensorrt', path.sep);
const wanted = process.argv.slice(2);
const files = fs
  .readdirSync(path.join(ROOT, 'test'), { recursive: true })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => path.join('test', file))
  .filter((file) =>
    // Those of TensorRT's real libraries need what npm run test:tensorrt fetches, and are named by it.
    wanted.length === 0 ? !file.startsWith(REAL_TENSORRT) : wanted.some((part) => file.includes(part)),
  )
  .sort();
if (files.length === 0) {
  process.stderr.write(`No test file matches ${wanted.join(' ')}.\n`);
  process.exit(1);
}
/** A file that hangs fails, instead of keeping the others' results back. */
const LONGEST_MS = 15 * 60_000;
const options = [
  '--test',
  '--test-reporter=spec',
  `--test-timeout=${LONGEST_MS}`,
  `--test-concurrency=${os.availableParallelism()}`,
];
const { status } = spawnSync(process.execPath, ['--import', 'tsx', ...options, ...files], {
  cwd: ROOT,
  stdio: 'inherit',
  // Tests that load ONNX Runtime by themselves do not report to its maker either.
  env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
});
process.exit(status ?? 1);
