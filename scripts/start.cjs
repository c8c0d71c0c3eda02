// npm start: sets up what is missing, then is the program itself; without an argument its demo. CommonJS and synchronous up
// to that point, because the thread pool takes its size when it is first used.
'use strict';
const path = require('node:path');
const { ROOT } = require('./setup.cjs');

require('./build.cjs');
if (process.argv.length === 2) process.argv.push('demo');
require(path.join(ROOT, 'dist', 'cli', 'launch.cjs'));
