// Writes the pictures beside it: OpenMoji on white, of a vendor that no emoji model here was trained on.
// usage: node test/playground/openmoji/make.mjs FOLDER, in which `npm install @iconify-json/openmoji@1.2.29` was run.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/** As the gallery calls it → as the set does. */
const PICTURES = {
  'red apple': 'red-apple',
  violin: 'violin',
  bicycle: 'bicycle',
  'cat face': 'cat-face',
  pizza: 'pizza',
  umbrella: 'umbrella',
  rocket: 'rocket',
  key: 'key',
  banana: 'banana',
  sailboat: 'sailboat',
  'alarm clock': 'alarm-clock',
  cactus: 'cactus',
};
const SIDE = 128;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: make.mjs FOLDER');
const file = join(folder, 'node_modules/@iconify-json/openmoji/icons.json');
const { icons, width, height } = JSON.parse(readFileSync(file, 'utf8'));
for (const [name, icon] of Object.entries(PICTURES)) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${SIDE}" height="${SIDE}">${icons[icon].body}</svg>`;
  const picture = sharp(Buffer.from(svg)).flatten({ background: '#fff' });
  await picture.png({ palette: true, effort: 10 }).toFile(join(import.meta.dirname, `${name}.png`));
}
