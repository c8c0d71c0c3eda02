// Copies the built addon to where a packed clip-server looks for it: prebuilds/<platform>-<arch>/clip-server.node.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
mkdirSync(folder, { recursive: true });
copyFileSync(join(root, 'build', 'Release', 'clip-server.node'), join(folder, 'clip-server.node'));
