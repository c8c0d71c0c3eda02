import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { VARIABLES } from '../../src/config/variables.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const [, build, final] = read('Dockerfile').split(/^FROM /m) as [string, string, string];

/** What a stage takes from the project. */
const copied = (stage: string) =>
  [...stage.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) => names!.split(' '));

test('what the Dockerfile copies exists, and .dockerignore sends that and no more', () => {
  const names = [...new Set([...copied(build), ...copied(final)])].sort();
  assert.deepEqual(
    names.filter((name) => !existsSync(join(ROOT, name))),
    [],
  );
  const sent = [...read('.dockerignore').matchAll(/^!(.*)$/gm)].map(([, name]) => name!);
  assert.deepEqual(sent.sort(), names);
});

test('the image holds what the package holds at run time', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  // Those compile the addon, which the image brings.
  const toCompile = ['native', 'prebuilds', 'scripts', 'binding.gyp'];
  const inImage = [...final.matchAll(/^COPY (?:--from=build )?(.*) \S+$/gm)]
    .flatMap(([, names]) => names!.split(' '))
    .map((name) => name.replace(/^\/build\//, ''));
  for (const name of files.filter((each) => !toCompile.includes(each)))
    assert.ok(inImage.includes(name), `${name} is not copied`);
  assert.ok(inImage.includes('build/Release/clip-server.node'));
});

test('the image installs without scripts of packages, runs as no root, and is checked by its own command', () => {
  for (const [line] of build.matchAll(/npm (ci|prune).*/g)) assert.match(line, /--ignore-scripts/);
  assert.match(final, /^USER \$\{USER_ID\}:\$\{GROUP_ID\}$/m);
  assert.match(final, /^HEALTHCHECK .* CMD \["clip-server", "ready"\]$/m);
  assert.match(final, /^ENTRYPOINT \["clip-server"\]$/m);
  for (const [, name] of final.matchAll(/(CLIP_SERVER_\w+)=/g)) assert.ok(name! in VARIABLES, name);
});
