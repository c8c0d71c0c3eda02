/**
 * `node --import tsx evaluate.ts [FOLDER…] [--card FILE]` prints what the models in the folders find among pictures of a
 * set that they never saw, as they are served, beside what is found without a model. With `--card` the table takes its
 * place in the model card, between the marks.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { colourHistogram, intersection, overlap, stems } from './baselines.ts';
import { openBenchmark, type Question, WITHOUT_SHARED_WORDS } from './benchmark.ts';
import { chance, dot, normalised, type Recall, recall } from './score.ts';
import { type ServedModel, serve } from './served.ts';
import { UNSEEN_SET } from './sets.ts';

const SEEN_SETS = ['noto', 'twemoji', 'fluent-emoji-flat'];
const SHIPPED = resolve(import.meta.dirname, '..');
const MARKS = /(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { card: { type: 'string' } } });
const benchmark = openBenchmark();
const { labels, questions } = benchmark;
const itself = labels.map((_, index) => [index]);
const answersOf = (asked: readonly Question[]) => asked.map(({ answers }) => answers);
const pictures = new Map<string, Buffer[]>();
for (const set of [UNSEEN_SET, ...SEEN_SETS]) pictures.set(set, await benchmark.pictures(set));
const lines = [`| Among ${labels.length} | Found by | recall@1 | recall@10 |`, '|---|---|---|---|'];

/** All that a model made of the benchmark, vectors of length 1. */
interface Vectors {
  readonly labels: Float32Array[];
  readonly framed: Float32Array[];
  readonly questions: Float32Array[];
  readonly sets: ReadonlyMap<string, Float32Array[]>;
}

async function encode(model: ServedModel): Promise<Vectors> {
  const sets = new Map<string, Float32Array[]>();
  for (const [set, files] of pictures) sets.set(set, normalised(await model.images(files)));
  return {
    labels: normalised(await model.texts(labels)),
    framed: normalised(await model.texts(labels.map((label) => `a photo of a ${label}`))),
    questions: normalised(await model.texts(questions.map(({ text }) => text))),
    sets,
  };
}

function tell(what: string, by: string, { at1, at10 }: Recall): void {
  lines.push(`| ${what} | ${by} | ${at1.toFixed(3)} | ${at10.toFixed(3)} |`);
}

function tellModel(name: string, { labels: texts, framed, questions: asked, sets }: Vectors): void {
  const find = (from: Float32Array[], to: Float32Array[], answers: readonly (readonly number[])[]) =>
    recall(answers, to.length, (question, thing) => dot(from[question]!, to[thing]!));
  const unseen = sets.get(UNSEEN_SET)!;
  const strange = answersOf(questions.slice(0, WITHOUT_SHARED_WORDS));
  tell(`label → ${UNSEEN_SET}`, name, find(texts, unseen, itself));
  tell(`“a photo of a …” → ${UNSEEN_SET}`, name, find(framed, unseen, itself));
  tell(`${UNSEEN_SET} → label`, name, find(unseen, texts, itself));
  tell(`${questions.length} questions → ${UNSEEN_SET}`, name, find(asked, unseen, answersOf(questions)));
  tell(`${strange.length} of them without a shared word → ${UNSEEN_SET}`, name, find(asked, unseen, strange));
  tell(`${questions.length} questions → label`, name, find(asked, texts, answersOf(questions)));
  for (const set of SEEN_SETS) tell(`${UNSEEN_SET} → ${set}`, name, find(unseen, sets.get(set)!, itself));
  for (const set of SEEN_SETS) tell(`label → ${set}, trained on`, name, find(texts, sets.get(set)!, itself));
  tell('questions → noto, trained on', name, find(asked, sets.get('noto')!, answersOf(questions)));
}

async function tellBaselines(): Promise<void> {
  tell(`label → ${UNSEEN_SET}, ${UNSEEN_SET} → noto`, 'chance', chance(itself, labels.length));
  tell(
    `${questions.length} questions → ${UNSEEN_SET}`,
    'chance',
    chance(answersOf(questions), labels.length),
  );
  const colours = await Promise.all(pictures.get(UNSEEN_SET)!.map(colourHistogram));
  const others = await Promise.all(pictures.get('noto')!.map(colourHistogram));
  const alike = (a: number, b: number) => intersection(colours[a]!, others[b]!);
  tell(`${UNSEEN_SET} → noto`, 'colour histogram', recall(itself, labels.length, alike));
  const known = benchmark.words.map(stems);
  const asked = questions.map(({ text }) => stems(text));
  for (const [what, first] of [
    [`${questions.length} questions → label and tags`, questions.length],
    [`${WITHOUT_SHARED_WORDS} of them without a shared word`, WITHOUT_SHARED_WORDS],
  ] as const) {
    const shared = (a: number, b: number) => overlap(asked[a]!, known[b]!);
    tell(what, 'words in common', recall(answersOf(questions.slice(0, first)), labels.length, shared));
  }
}

/** The least cosine between two models' vectors of the same texts and pictures. */
function agreement(a: Vectors, b: Vectors): number {
  const all = ({ labels, framed, questions, sets }: Vectors) =>
    [labels, framed, questions, ...sets.values()].flat();
  const others = all(b);
  return all(a).reduce((least, vector, index) => Math.min(least, dot(vector, others[index]!)), 1);
}

const folders = positionals.length > 0 ? positionals.map((folder) => resolve(folder)) : [SHIPPED];
const told: Vectors[] = [];
for (const folder of folders) {
  const model = await serve(folder);
  told.push(await encode(model));
  await model.close();
  tellModel(basename(folder), told.at(-1)!);
}
await tellBaselines();
for (let other = 1; other < told.length; other++) {
  const least = agreement(told[0]!, told[other]!).toFixed(5);
  lines.push('', `Least cosine of ${basename(folders[0]!)} to ${basename(folders[other]!)}: ${least}`);
}
const table = `${lines.join('\n')}\n`;
process.stdout.write(table);
if (values.card) {
  const card = await readFile(values.card, 'utf8');
  if (!MARKS.test(card))
    throw new Error(`${values.card}: expected the marks ${MARKS.source} around the figures`);
  await writeFile(
    values.card,
    card.replace(MARKS, (_, from, to) => `${from}${table}${to}`),
  );
}
