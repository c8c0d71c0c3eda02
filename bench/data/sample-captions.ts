/**
 * `node --import tsx bench/data/sample-captions.ts FOLDER > bench/data/captions.txt`
 *
 * FOLDER holds the SVG files of the Open Clip Art Library (Debian's package openclipart-svg 0.18, unpacked): each carries
 * the description that the person who drew the picture wrote. All different descriptions that are ASCII, 4 to 30 tokens
 * long and about the picture are taken, in the order of their files: the lengths are in the library's own proportions.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeHTML } from 'entities';
import { createClipTokenizer } from '../../src/preprocess/text/clip-tokenizer.ts';

/** Addresses, licences, tools, and what a broken script left in a description's place. */
const OTHER_THAN_THE_PICTURE =
  /@|www\.|:\/\/|HASH\(|public domain|copyright|convert|inkscape|sodipodi|clip ?art|svg|submission|untitled/i;
const SHORTEST = 4;
const LONGEST = 30;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: sample-captions.ts FOLDER');
const tokenizer = await createClipTokenizer(77);
const captions = new Set<string>();
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.svg'),
);
for (const file of files.sort()) {
  const caption = descriptionIn(readFileSync(join(folder, file), 'utf8'));
  if (!/^[\x20-\x7e]+$/.test(caption) || OTHER_THAN_THE_PICTURE.test(caption)) continue;
  const { length } = tokenizer.encode(caption);
  if (length >= SHORTEST && length <= LONGEST) captions.add(caption);
}
process.stdout.write(`${[...captions].join('\n')}\n`);

function descriptionIn(svg: string): string {
  const [, xml = ''] = /<dc:description[^>]*>(.*?)<\/dc:description>/s.exec(svg) ?? [];
  // Some were escaped once more than XML asks for.
  return decodeHTML(decodeHTML(xml)).replace(/\s+/g, ' ').trim();
}
