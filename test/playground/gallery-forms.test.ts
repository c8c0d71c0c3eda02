import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { type Recall, recall } from '../../models/emoji-clip/training/score.ts';
import { readPictures } from '../../src/playground/gallery-file.ts';
import { serveModel, type TestServer } from '../server/start.ts';

// What the small forms cost a search of the gallery, with the model that is shipped.
const MODEL = resolve(import.meta.dirname, '../../models/emoji-clip');
const PER_REQUEST = 128;
/** Points of recall@10 that a form may lose. */
const MOST_LOST = { int8: 3, ubinary: 10 };

type Vector = Float32Array;
type Vectors = readonly Vector[];
interface Searched {
  readonly pictures: Vectors;
  readonly names: Vectors;
  readonly questions: Vectors;
}

let server: TestServer;
before(async () => {
  server = await serveModel(MODEL);
});
after(() => server?.close());

async function encode(documents: readonly object[], embedding_type: string): Promise<Vectors> {
  const vectors: Vector[] = [];
  for (let at = 0; at < documents.length; at += PER_REQUEST) {
    const data = documents.slice(at, at + PER_REQUEST);
    const { status, body } = await server.post('/encode', { data, parameters: { embedding_type } });
    assert.equal(status, 200, JSON.stringify(body).slice(0, 500));
    vectors.push(...body.data.map(({ embedding }: { embedding: number[] }) => Float32Array.from(embedding)));
  }
  return vectors;
}

/** Of the model's questions, those that a picture of the gallery answers. */
function readQuestions(names: readonly string[]): { text: string; answers: number[] }[] {
  const indexOf = new Map(names.map((name, index) => [name.toLowerCase(), index]));
  const lines = readFileSync(join(MODEL, 'training/queries.txt'), 'utf8').split('\n');
  return lines
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => {
      const [text, labels] = line.split(' | ') as [string, string];
      const found = labels.split('; ').map((label) => indexOf.get(label.toLowerCase()));
      return { text, answers: found.filter((index) => index !== undefined) };
    })
    .filter(({ answers }) => answers.length > 0);
}

function product(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const BITS = Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

function nearness(a: Vector, b: Vector): number {
  let apart = 0;
  for (let i = 0; i < a.length; i++) apart += BITS[a[i]! ^ b[i]!]!;
  return -apart;
}

/** ±1 for each bit of `ubinary`. */
function signs(bytes: Vector): Vector {
  return Float32Array.from({ length: 8 * bytes.length }, (_, i) =>
    (bytes[i >> 3]! << (i & 7)) & 0x80 ? 1 : -1,
  );
}

test('int8 and binary find in the gallery what float32 finds, but for a few', async (t) => {
  const { names, files } = await readPictures();
  const questions = readQuestions(names);
  assert.ok(questions.length >= 90, `${questions.length} questions`);
  const searched = async (type: string): Promise<Searched> => ({
    pictures: await encode(
      files.map((file) => ({ blob: file.toString('base64') })),
      type,
    ),
    names: await encode(
      names.map((text) => ({ text })),
      type,
    ),
    questions: await encode(
      questions.map(({ text }) => ({ text })),
      type,
    ),
  });
  const float = await searched('float32');
  const int8 = await searched('int8');
  const bits = await searched('ubinary');
  const signed = bits.pictures.map(signs);
  const ways: Record<string, [Searched, Vectors, typeof product]> = {
    float32: [float, float.pictures, product],
    int8: [int8, int8.pictures, product],
    ubinary: [bits, bits.pictures, nearness],
    'float32 by ubinary': [float, signed, product],
  };
  const found: Record<string, { readonly names: Recall; readonly questions: Recall }> = {};
  for (const [name, [asked, pictures, likeness]] of Object.entries(ways)) {
    const search = (of: Vectors, answers: number[][]) =>
      recall(answers, pictures.length, (question, picture) => likeness(of[question]!, pictures[picture]!));
    found[name] = {
      names: search(
        asked.names,
        names.map((_, index) => [index]),
      ),
      questions: search(
        asked.questions,
        questions.map(({ answers }) => answers),
      ),
    };
    const [byNames, byQuestions] = [found[name].names.at10, found[name].questions.at10];
    t.diagnostic(
      `${name}, ${pictures[0]!.length} numbers: recall@10 ${byNames.toFixed(3)} by names, ${byQuestions.toFixed(2)} by questions`,
    );
  }
  const whole = found.float32!.names.at10;
  assert.ok(whole > 0.9, `expected a model that finds most, found ${whole}`);
  for (const [type, points] of Object.entries(MOST_LOST)) {
    const kept = found[type]!.names.at10;
    assert.ok(
      whole - kept <= points / 100,
      `${type}: expected at most ${points} points below ${whole}, got ${kept}`,
    );
  }
});
