import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BYTE_IDS, mergeOf, readMerges, VOCABULARY_FILE } from '../../../src/preprocess/text/vocabulary.ts';

/** CLIP's stand-ins for the 256 bytes: printable ones for themselves, the others from U+0100 on. */
function standIns(): string[] {
  const symbols: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    symbols[BYTE_IDS[byte]!] = String.fromCharCode(isPrintable ? byte : next++);
  }
  return symbols;
}

test('the merges are those that OpenAI published', async () => {
  const file = readFileSync(VOCABULARY_FILE);
  const table = await readMerges();
  const symbols = standIns();
  symbols.push(...symbols.map((symbol) => `${symbol}</w>`));
  const hash = createHash('sha256');
  for (let at = 0; at < file.length; at += 4) {
    const [left, right] = [file.readUInt16LE(at), file.readUInt16LE(at + 2)];
    assert.equal(mergeOf(table, left, right), symbols.length);
    hash.update(`${symbols[left]} ${symbols[right]}\n`);
    symbols.push(symbols[left]! + symbols[right]!);
  }
  assert.equal(symbols.length, 49_406);
  assert.equal(hash.digest('hex'), 'd308b7377a8ceaa9707a21614fe8c831b9196e197b7aeb69833359362907af02');
});
