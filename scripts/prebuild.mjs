// Copies what was built to where a packed clip-server looks for it, prebuilds/<platform>-<arch>/: the addon, and the modules of
// TensorRT's majors whose headers were there.
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAJORS } from './tensorrt-headers.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
const fileOf = (name) => join(root, 'build', 'Release', `${name}.node`);
const modules = MAJORS.map((major) => `tensorrt${major}`);
const without = modules.filter((name) => !existsSync(fileOf(name)));

mkdirSync(folder, { recursive: true });
for (const name of without) rmSync(join(folder, `${name}.node`), { force: true });
for (const name of ['clip-server', ...modules.filter((each) => !without.includes(each))])
  copyFileSync(fileOf(name), join(folder, `${name}.node`));
if (without.length > 0 && process.platform === 'linux')
  console.error(`prebuild: without ${without.join(' and ')}, whose headers npm run headers fetches`);
