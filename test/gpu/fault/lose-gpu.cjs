// Preloaded in a server's processes: SIGUSR2 makes one lose its GPU.
'use strict';
process.on('SIGUSR2', () => {
  const error = require(process.env.CLIP_TEST_LOSE_GPU);
  process.stderr.write(`lose-gpu: the driver answers ${error}\n`);
});
