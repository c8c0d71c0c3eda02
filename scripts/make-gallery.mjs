// Writes data/gallery/: the pictures that the playground searches, Noto Emoji on white, and their names.
// usage: node scripts/make-gallery.mjs FOLDER, in which `npm install @iconify-json/noto@1.2.9 emojibase-data@17.0.0` was run.
// pictures.bin: WebP files, one after another. index.tsv: a line for each, its length in bytes and its name.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const SIDE = 128;
const QUALITY = 60;
/** Groups of emojibase: all but flags, skin tones and letters of flags. */
const GROUPS = new Set([0, 1, 3, 4, 5, 6, 7, 8]);
/** Pictures that words tell apart from another of these no better than a coin does, and signs that are nothing but their letters. */
const LEFT_OUT = [
  /^(man|men|woman|women) (?!holding|dancing|and)\w/,
  /^(man|woman) in (?!tuxedo)/,
  /^(deaf|pregnant) (man|woman)$/,
  /^Mx Claus$/,
  /facing right/,
  /^(family|kiss|couple with heart):/,
  /^Japanese “/,
  /^keycap:/,
  /^input /,
  /^(A|AB|B|CL|NG|O|P|UP!|VS|ID) button/,
  /^(END|ON!|SOON|TOP|BACK) arrow$/,
  /^(black|white) (medium|small|medium-small|large) square$/,
];

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: make-gallery.mjs FOLDER');
const read = (name) => JSON.parse(readFileSync(join(folder, 'node_modules', name), 'utf8'));
const { icons } = read('@iconify-json/noto/icons.json');
const bare = (code) => code.toLowerCase().replaceAll('-fe0f', '');
const iconOf = new Map(
  Object.entries(read('@iconify-json/noto/chars.json')).map(([code, name]) => [bare(code), icons[name]]),
);

const chosen = read('emojibase-data/en/data.json')
  .filter(({ group, label }) => GROUPS.has(group) && !LEFT_OUT.some((pattern) => pattern.test(label)))
  .map(({ label, hexcode }) => ({ name: label, icon: iconOf.get(bare(hexcode)) }))
  .filter(({ icon }) => icon !== undefined);
// In an order without meaning: whatever part of it is embedded first is a sample of the whole.
const rank = ({ name }) => createHash('sha256').update(name).digest('hex');
chosen.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));

const pictures = [];
for (const { icon } of chosen) {
  const { width = SIDE, height = SIDE } = icon;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${SIDE}" height="${SIDE}">${icon.body}</svg>`;
  const picture = sharp(Buffer.from(svg)).flatten({ background: '#fff' });
  pictures.push(await picture.webp({ quality: QUALITY, effort: 6, smartSubsample: true }).toBuffer());
}

const target = join(import.meta.dirname, '..', 'data', 'gallery');
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'pictures.bin'), Buffer.concat(pictures));
const lines = chosen.map(({ name }, i) => `${pictures[i].length}\t${name}\n`);
writeFileSync(join(target, 'index.tsv'), lines.join(''));
