import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { classify } from '../../src/cli/classify.ts';
import { ConfigError } from '../../src/config/config.ts';
import { testModel } from '../models/test-model.ts';
import { serveModel } from '../server/start.ts';
import { writePhotos } from './photos.ts';
import { jsonLines, runCommand } from './run-command.ts';

const LABELS = ['red apple', 'pear', 'two dogs'];
const LOGIT_SCALE = 12.5;

const folder = await mkdtemp(join(tmpdir(), 'clip-classify-'));
after(() => rm(folder, { recursive: true }));
const photos = ['a.jpg', 'b.png', 'sub/c.webp'].map((name) => join(folder, 'photos', name));
await writePhotos(photos);
const model = await scaledModel();
const server = await serveModel(model);
after(() => server.close());

interface Answer {
  readonly file: string;
  readonly labels?: readonly { readonly label: string; readonly score: number; readonly cosine: number }[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** A model that brings a scale of its own. */
async function scaledModel(): Promise<string> {
  const made = await testModel('tiny');
  for (const name of ['textual.onnx', 'visual.onnx']) await symlink(join(made, name), join(folder, name));
  await writeFile(join(folder, 'model.json'), JSON.stringify({ logit_scale: LOGIT_SCALE }));
  return folder;
}

const local = (...args: string[]) => runCommand(['classify', '--model', model, ...args]);
/** Saves loading the model. */
const served = (...args: string[]) => runCommand(['classify', '--server', server.url, ...args]);

const picture = (path: string) => ({
  blob: readFileSync(path).toString('base64'),
});

/** What the server's `/rank` answers for a picture. */
async function ranked(path: string, texts: readonly string[]) {
  const matches = texts.map((text) => ({ text }));
  const { status, body } = await server.post('/rank', { data: [{ ...picture(path), matches }] });
  assert.equal(status, 200);
  return (body.data[0].matches as { text: string; scores: Record<string, { value: number }> }[]).map(
    ({ text, scores }) => ({
      label: text,
      score: scores.clip_score!.value,
      cosine: scores.clip_score_cosine!.value,
    }),
  );
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual}, expected ${expected}`);
}

test('scores are those of a server’s /rank, by the scale that the model brings', async () => {
  const { code, out, err } = await local('--json', '--prompt', '{}', '--labels', LABELS.join(), ...photos);
  assert.deepEqual([code, err], [0, '']);
  const answers = jsonLines<Answer>(out);
  assert.deepEqual(
    answers.map(({ file }) => file),
    photos,
  );
  for (const { file, labels } of answers) {
    const expected = await ranked(file, LABELS);
    assert.deepEqual(
      labels!.map(({ label }) => label),
      expected.map(({ label }) => label),
    );
    for (const [i, { score, cosine }] of labels!.entries()) {
      assertNear(score, expected[i]!.score);
      assertNear(cosine, expected[i]!.cosine);
    }
    const [first, second] = labels!;
    assertNear(Math.log(first!.score / second!.score), LOGIT_SCALE * (first!.cosine - second!.cosine));
  }
});

test('a server gives the same, and the table is the best label of each picture', async () => {
  const args = ['--labels', LABELS.join(', '), join(folder, 'photos')];
  const [here, there] = [await local('--json', ...args), await served('--json', ...args)];
  assert.equal(there.code, 0, there.err);
  const [mine, its] = [jsonLines<Answer>(here.out), jsonLines<Answer>(there.out)];
  assert.equal(mine.length, photos.length);
  for (const [i, { file, labels }] of its.entries()) {
    assert.deepEqual([file, labels!.length], [mine[i]!.file, LABELS.length]);
    for (const [j, { label, score }] of labels!.entries()) {
      assert.equal(label, mine[i]!.labels![j]!.label);
      assertNear(score, mine[i]!.labels![j]!.score);
    }
  }
  const row = (file: string, { label, score }: { label: string; score: number }) =>
    `${score.toFixed(4)}  ${label.padEnd('red apple'.length)}  ${file}\n`;
  const table = await served(...args);
  assert.equal(table.out, its.map(({ file, labels }) => row(file, labels![0]!)).join(''));
  const two = await served('--top', '2', ...args);
  assert.equal(
    two.out,
    its.flatMap(({ file, labels }) => labels!.slice(0, 2).map((label) => row(file, label))).join(''),
  );
});

test('labels go into the prompt; of several prompts the mean direction counts', async () => {
  const [photo] = photos;
  const scoresOf = async (...args: string[]) => {
    const { out, err } = await served('--json', ...args, '--labels', LABELS.join(), photo!);
    assert.equal(err, '');
    return jsonLines<Answer>(out)[0]!.labels!;
  };
  const expected = await ranked(
    photo!,
    LABELS.map((label) => `a photo of a ${label}`),
  );
  const byDefault = await scoresOf();
  for (const [i, { label, cosine }] of byDefault.entries()) {
    assert.equal(`a photo of a ${label}`, expected[i]!.label);
    assertNear(cosine, expected[i]!.cosine);
  }
  const prompts = ['a {}, and a {}', 'two of {}'];
  const texts = LABELS.flatMap((label) => prompts.map((prompt) => prompt.replaceAll('{}', label)));
  const documents = [picture(photo!), ...texts.map((text) => ({ text }))];
  const { body } = await server.post('/encode', { data: documents });
  const [wanted, ...units] = body.data.map(({ embedding }: { embedding: number[] }) => {
    const length = Math.hypot(...embedding);
    return embedding.map((x) => x / length);
  }) as number[][];
  const both = await scoresOf(...prompts.flatMap((prompt) => ['--prompt', prompt]));
  for (const { label, cosine } of both) {
    const at = LABELS.indexOf(label) * prompts.length;
    const sum = units[at]!.map((x, i) => x + units[at + 1]![i]!);
    const product = sum.reduce((total, x, i) => total + x * wanted![i]!, 0);
    assertNear(cosine, product / Math.hypot(...sum));
  }
});

test('what is broken is told and counted; all others are classified', async () => {
  const broken = join(folder, 'photos', 'broken.jpg');
  const cut = join(folder, 'photos', '\u001b[31mcut.png');
  await writeFile(broken, 'no picture');
  await writeFile(cut, readFileSync(photos[1]!).subarray(0, 60));
  await writeFile(join(folder, 'photos', 'notes.txt'), 'skipped');
  try {
    const args = ['--labels', LABELS.join(), join(folder, 'photos')];
    for (const run of [local, served]) {
      const { code, out, err } = await run(...args);
      assert.equal(code, 1);
      assert.equal(out.split('\n').length - 1, photos.length);
      assert.match(err, /broken\.jpg: .*\(unsupported_image\)\n/);
      assert.match(err, /\\u\{1b\}\[31mcut\.png: .*\(invalid_image\)\n/);
      assert.match(err, /2 of 5 could not be classified\n$/);
    }
    const { out } = await served('--json', ...args);
    const failed = jsonLines<Answer>(out).filter(({ error }) => error);
    assert.deepEqual(
      failed.map(({ file, error }) => [file, error!.code]),
      [
        [cut, 'invalid_image'],
        [broken, 'unsupported_image'],
      ],
    );
  } finally {
    await Promise.all([broken, cut].map((path) => rm(path)));
  }
});

test('labels come from a file, or from standard input; so may the names of pictures', async () => {
  const list = join(folder, 'labels.txt');
  await writeFile(list, `${LABELS.join('\r\n')}\n\n`);
  const expected = await served('--labels', LABELS.join(), photos[0]!);
  const fromFile = await served('--labels-file', list, photos[0]!);
  const args = ['classify', '--server', server.url, '--labels-file'];
  const fromStdin = await runCommand([...args, '-', photos[0]!], { stdin: LABELS.join('\n') });
  const names = await runCommand([...args, list, '-'], { stdin: `${photos[0]}\n` });
  for (const { code, out } of [fromFile, fromStdin, names]) assert.deepEqual([code, out], [0, expected.out]);
});

test('faults of the command line are told before a model is loaded', async () => {
  const labels = ['--labels', 'a,b'];
  for (const [args, message] of [
    [[...labels], /expected pictures/],
    [[photos[0]!], /--labels or --labels-file, got neither/],
    [[...labels, '--labels-file', '-', photos[0]!], /got both/],
    [['--labels', 'a', photos[0]!], /at least two labels.*got a/],
    [['--labels', ',', photos[0]!], /at least two labels.*got none/],
    [['--labels', 'a,b, a', photos[0]!], /each label once, got a twice/],
    [['--labels-file', join(folder, 'none.txt'), photos[0]!], /--labels-file: .*none\.txt/],
    [['--labels-file', '-', '-'], /got both/],
    [[...labels, '--prompt', 'a photo', photos[0]!], /--prompt: expected \{\}/],
    [[...labels, '--top', 'x', photos[0]!], /--top/],
    [[...labels, join(folder, 'none.jpg')], /expected a file.*none\.jpg/],
    [[...labels, join(folder, '*.none')], /expected pictures in /],
    [[...labels, '--label', photos[0]!], /--help/],
  ] as const)
    await assert.rejects(classify([...args]), (error) => {
      assert.ok(error instanceof ConfigError, `${args.join(' ')}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
});
