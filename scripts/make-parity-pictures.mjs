// Writes data/parity/*.jpg: the photographs through which a TensorRT plan must pass.
// usage: node scripts/make-parity-pictures.mjs FOLDER, the unpacked wheel of scikit-image 0.25.2.
// All are in the public domain or under CC0; data/NOTICE.md names their makers.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const PHOTOGRAPHS = {
  astronaut: 'astronaut.png',
  bricks: 'brick.png',
  camera: 'camera.png',
  cat: 'chelsea.png',
  coffee: 'coffee.png',
  coins: 'coins.png',
  galaxies: 'hubble_deep_field.jpg',
  grass: 'grass.png',
  retina: 'retina.jpg',
  rocket: 'rocket.jpg',
};
/** Of the shorter side; the longer one keeps the proportions. */
const PIXELS = 288;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: make-parity-pictures.mjs FOLDER');
const target = join(import.meta.dirname, '..', 'data', 'parity');
mkdirSync(target, { recursive: true });
for (const [name, file] of Object.entries(PHOTOGRAPHS)) {
  const photograph = sharp(join(folder, 'skimage', 'data', file))
    .resize({ width: PIXELS, height: PIXELS, fit: 'outside', withoutEnlargement: true })
    .toColourspace('srgb')
    .removeAlpha();
  await photograph.jpeg({ quality: 82 }).toFile(join(target, `${name}.jpg`));
}
