/** `node --import tsx tokenise.ts TEXTS IDS`: a JSON list of texts → rows of 77 uint16, by the server's own tokeniser. */
import { readFile, writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { createClipTokenizer } from '../../../src/preprocess/text/clip-tokenizer.ts';

const CONTEXT = 77;

const [from, to] = argv.slice(2);
if (!from || !to) {
  console.error('usage: tokenise.ts TEXTS IDS');
  process.exit(2);
}
const texts: string[] = JSON.parse(await readFile(from, 'utf8'));
const tokenizer = await createClipTokenizer(CONTEXT);
const rows = new Uint16Array(texts.length * CONTEXT);
for (const [index, text] of texts.entries()) rows.set(tokenizer.encode(text).ids, index * CONTEXT);
await writeFile(to, rows);
