#!/usr/bin/env -S node --max-semi-space-size=4
// The file that package.json's `bin` names. libuv reads the pool's size when the pool is first used, and loading an
// ES module uses it: so this is CommonJS and sets the size before anything else. Decoding is bounded by its own
// semaphore (`num_worker_preprocess` × replicas); the threads beyond the cores keep files and name look-ups going.
// V8's flag (MB, 16 by default) bounds what waits for the collector: some 40 MB less at the same speed.
const os = process.getBuiltinModule('node:os');
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(8, os.availableParallelism() + 4));
void import('./cli.ts').then(({ cli }) => cli(process.argv.slice(2)));
