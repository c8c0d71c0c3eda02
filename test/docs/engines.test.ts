import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { profilesOf } from '../../src/engine/tensorrt/profiles.ts';
import { readRecipeFile } from '../../src/engine/tensorrt/recipe-file.ts';
import { RECIPES_FOLDER } from '../../src/engine/tensorrt/recipes.ts';
import { counting, engineFolder, KEY, openStore, quiet } from '../engine/plan-scene.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const document = readFileSync(join(ROOT, 'docs/engines.md'), 'utf8');
const run = promisify(execFile);

/** Cells of the rows of the table with this header. */
function table(header: string): string[][] {
  const [, rows] = document.split(`| ${header} |\n`);
  assert.ok(rows !== undefined, `no table: ${header}`);
  const lines = rows.split('\n').slice(1);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const names = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
const block = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(document)![1]!;

test('the document names every member of the key', () => {
  const documented = table('Member | Is').flatMap(([member]) => names(member!));
  assert.deepEqual(documented.sort(), Object.keys(KEY).sort());
});

test('the recipe that the document shows is the one that is shipped', () => {
  assert.equal(block('yaml'), readFileSync(join(RECIPES_FOLDER, 'ViT-L-14.yml'), 'utf8'));
  const [first] = block('yaml').split('image:');
  const keys = [...first!.matchAll(/^ {2}(\w+):/gm)].map(([, key]) => key);
  assert.deepEqual(
    table('Key | Means').map(([key]) => names(key!)[0]),
    keys,
  );
});

test('the rows that the document gives are those of the recipes', () => {
  const shipped = readdirSync(RECIPES_FOLDER).map((file) => {
    const { text, image } = readRecipeFile(readFileSync(join(RECIPES_FOLDER, file), 'utf8'), file);
    return [`\`${basename(file, '.yml')}\``, String(text.maxBatch), String(image.maxBatch)];
  });
  assert.deepEqual(table('Model | Rows of texts | Rows of pictures').sort(), shipped.sort());
});

test('each recipe of the document is one that a file may name', () => {
  for (const [cell] of table('Recipe | Is')) {
    const [name] = names(cell!);
    const file = block('yaml').replaceAll(/recipes: .*/g, `recipes: [${name}]`);
    assert.deepEqual(readRecipeFile(file, 'x').text.recipes, [name]);
  }
});

test('there are as many profiles as the document says', () => {
  const common = { path: '', bytes: 1, externalData: false, output: { name: 'o', type: 'float32' } } as const;
  const pictures = profilesOf(
    { ...common, tower: 'image', input: { name: 'i', type: 'uint8' }, layout: 'nhwc', resolution: 224 },
    256,
  );
  const cut = { lengths: [], endToken: { rule: 'largest' } } as const;
  const texts = profilesOf(
    { ...common, tower: 'text', input: { name: 'i', type: 'int32' }, contextLength: 77, cut },
    256,
  );
  assert.deepEqual([pictures.length, texts.length], [4, 8]);
  assert.match(document, /^- Pictures: .* Four profiles\.$/m);
  assert.match(document, /^- Texts: .* Eight profiles/m);
});

test('the page that the document shows has the columns that the command prints; all its commands run', async (t) => {
  const folder = await engineFolder(t);
  await (await openStore(t, { folder })).obtain(KEY, counting().build, quiet);
  const launch = join(ROOT, 'dist/cli/launch.cjs');
  assert.ok(existsSync(launch), 'npm run build first');
  const commands = [
    block('sh').trim(),
    ...table('Command | Does | Exit code').flatMap(([command]) => names(command!)),
  ];
  assert.equal(commands.length, 5);
  for (const command of commands) {
    const [program, ...args] = command.split(' ');
    assert.equal(program, 'clip-server');
    const { stdout } = await run(process.execPath, [launch, ...args], {
      env: { ...process.env, CLIP_ENGINE_CACHE: folder },
    });
    if (command !== commands[0]) continue;
    const columns = (page: string) => page.split('\n')[0]!.split(/ {2,}/);
    assert.deepEqual(columns(stdout), columns(block('text')));
    assert.match(stdout.trim(), new RegExp(`${folder}: 1 engine, .* of 21474\\.8 MB$`));
  }
});
