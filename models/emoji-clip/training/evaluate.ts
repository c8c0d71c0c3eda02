/**
 * `node --import tsx evaluate.ts [FOLDER…] [--out FILE]` prints the model card's table: what the models in the folders
 * find among pictures of a set that they never saw, as they are served, beside what is found without a model.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { colourHistogram, intersection, overlap, stems } from './baselines.ts';
import { openBenchmark, type Question, WITHOUT_SHARED_WORDS } from './benchmark.ts';
import { chance, dot, normalised, type Recall, recall } from './score.ts';
import { type ServedModel, serve } from './served.ts';
import { UNSEEN_SET } from './sets.ts';

const SEEN_SETS = ['noto', 'twemoji', 'fluent-emoji-flat'];
const SHIPPED = new URL('..', import.meta.url).pathname;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const benchmark = openBenchmark();
const { labels, questions } = benchmark;
const itself = labels.map((_, index) => [index]);
const answersOf = (asked: readonly Question[]) => asked.map(({ answers }) => answers);
const pictures = new Map<string, Buffer[]>();
for (const set of [UNSEEN_SET, ...SEEN_SETS]) pictures.set(set, await benchmark.pictures(set));
const unseen = pictures.get(UNSEEN_SET)!;
const lines = [
  `| ${labels.length} classes, recall at 1 and at 10 | Found by | @1 | @10 |`,
  '|---|---|---|---|',
];

function tell(what: string, by: string, { at1, at10 }: Recall): void {
  lines.push(`| ${what} | ${by} | ${at1.toFixed(3)} | ${at10.toFixed(3)} |`);
}

async function tellModel(name: string, model: ServedModel): Promise<void> {
  const texts = normalised(await model.texts(labels));
  const asked = normalised(await model.texts(questions.map(({ text }) => text)));
  const framed = normalised(await model.texts(labels.map((label) => `a photo of a ${label}`)));
  const seen = new Map<string, Float32Array[]>();
  for (const [set, files] of pictures) seen.set(set, normalised(await model.images(files)));
  const find = (from: Float32Array[], to: Float32Array[], answers: readonly (readonly number[])[]) =>
    recall(answers, to.length, (question, thing) => dot(from[question]!, to[thing]!));
  const images = seen.get(UNSEEN_SET)!;
  tell(`label → ${UNSEEN_SET}`, name, find(texts, images, itself));
  tell(`“a photo of a …” → ${UNSEEN_SET}`, name, find(framed, images, itself));
  tell(`${UNSEEN_SET} → label`, name, find(images, texts, itself));
  tell(`100 questions → ${UNSEEN_SET}`, name, find(asked, images, answersOf(questions)));
  tell(
    '50 of them without a shared word',
    name,
    find(asked, images, answersOf(questions.slice(0, WITHOUT_SHARED_WORDS))),
  );
  tell(`100 questions → label texts`, name, find(asked, texts, answersOf(questions)));
  for (const set of SEEN_SETS) tell(`${UNSEEN_SET} → ${set}`, name, find(images, seen.get(set)!, itself));
  for (const set of SEEN_SETS) tell(`label → ${set} (trained on)`, name, find(texts, seen.get(set)!, itself));
  tell('100 questions → noto (trained on)', name, find(asked, seen.get('noto')!, answersOf(questions)));
}

async function tellBaselines(): Promise<void> {
  tell(`label → ${UNSEEN_SET}, ${UNSEEN_SET} → noto`, 'chance', chance(itself, labels.length));
  tell(`100 questions → ${UNSEEN_SET}`, 'chance', chance(answersOf(questions), labels.length));
  const colours = await Promise.all(unseen.map(colourHistogram));
  const others = await Promise.all(pictures.get('noto')!.map(colourHistogram));
  const alike = (a: number, b: number) => intersection(colours[a]!, others[b]!);
  tell(`${UNSEEN_SET} → noto`, 'colour histogram', recall(itself, labels.length, alike));
  const known = benchmark.words.map(stems);
  const asked = questions.map(({ text }) => stems(text));
  const shared = (a: number, b: number) => overlap(asked[a]!, known[b]!);
  tell(
    '100 questions → label and tags',
    'words in common',
    recall(answersOf(questions), labels.length, shared),
  );
}

for (const folder of positionals.length > 0 ? positionals : [SHIPPED]) {
  const model = await serve(folder);
  await tellModel(folder === SHIPPED ? 'emoji-clip' : folder, model);
  await model.close();
}
await tellBaselines();
const table = `${lines.join('\n')}\n`;
process.stdout.write(table);
if (values.out) await writeFile(values.out, table);
