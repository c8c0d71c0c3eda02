import { planOf } from '../engine/rewrite/plan.ts';
import type { FileFacts, Inspection, TowerFacts } from '../model/inspect.ts';
import { describeValue } from '../model/onnx/types.ts';
import type { RewriteOptions } from '../model/rewrite/options.ts';
import { type ModelTraits, TRAITS_FILE } from '../model/traits.ts';
import { megabytes } from './progress.ts';

type Row = readonly [name: string, value: string | undefined];

const FAMILIES = { text: 'text transformer', vit: 'vision transformer', resnet: 'ResNet' } as const;
const ACTIVATIONS = { quick_gelu: 'QuickGELU', gelu: 'GELU', relu: 'ReLU' } as const;
/** Operators that are worth a line. */
const MOST_OPERATORS = 8;
const NAME_COLUMNS = 14;

/** A page for a person: the path, then a line for each fact. */
export function describeInspection(inspection: Inspection): string {
  const { file, tower, contract, traits } = inspection;
  const rows: Row[] = [
    ['tower', tower ? `${contract!.tower}, ${FAMILIES[tower.family]}` : contract?.tower],
    ...(tower ? towerRows(tower) : []),
    ...(traits ? traitRows(traits) : []),
    ...fileRows(file),
    ['serving', servingOf(inspection)],
  ];
  const lines = rows.filter(([, value]) => value !== undefined);
  return [file.path, ...lines.map(([name, value]) => `  ${name.padEnd(NAME_COLUMNS)} ${value}`)].join('\n');
}

function towerRows(tower: TowerFacts): Row[] {
  const { layers, width, heads, activation, resolution, patch, context, vocabulary, endToken } = tower;
  const of = tower.family === 'resnet' ? 'attention pooling with' : 'each with';
  return [
    ['layers', `${typeof layers === 'number' ? layers : layers.join(' + ')}, ${of} ${heads} heads`],
    ['width', String(width)],
    ['activation', ACTIVATIONS[activation]],
    [
      'pictures',
      resolution && `${resolution}×${resolution} pixels${patch ? `, patches of ${patch}×${patch}` : ''}`,
    ],
    ['texts', context && `${context} tokens of ${vocabulary}, the vector at the ${endToken}`],
    ['vectors', `${tower.outputWidth} components, ${tower.normalised ? 'normalised' : 'not normalised'}`],
    ['precision', tower.precision],
  ].filter((row): row is [string, string] => typeof row[1] === 'string');
}

function traitRows({ logitScale, matryoshkaDimensions }: ModelTraits): Row[] {
  return [
    ['logit scale', logitScale === undefined ? undefined : `${logitScale}, as ${TRAITS_FILE} says`],
    ['also cut to', matryoshkaDimensions && `${matryoshkaDimensions.join(', ')} components`],
  ];
}

function fileRows(file: FileFacts): Row[] {
  const { parameters, parameterBytes, parameterTypes, externalFiles, opsets } = file;
  const domains = Object.entries(opsets).map(([domain, version]) => `${domain} ${version}`);
  const operators = Object.entries(file.operators);
  const total = operators.reduce((sum, [, count]) => sum + count, 0);
  const most = operators.slice(0, MOST_OPERATORS).map(([name, count]) => `${count} ${name}`);
  return [
    [
      'parameters',
      `${parameters.toLocaleString('en')}, ${megabytes(parameterBytes)} of ${parameterTypes.join(', ')}`,
    ],
    ...file.inputs.map((input): Row => ['input', describeValue(input)]),
    ...file.outputs.map((output): Row => ['output', describeValue(output)]),
    ['file', `${megabytes(file.fileBytes)}, ONNX IR ${file.irVersion}, ${domains.join(', ')}`],
    ['written by', file.producer || 'not stated'],
    ['external data', externalFiles.length > 0 ? externalFiles.join(', ') : 'none'],
    ['operators', `${total}: ${most.join(', ')}${operators.length > most.length ? ', …' : ''}`],
  ];
}

/** What the server does with the file, as a clause. */
export function servingOf({ contract, refusal, unrecognised }: Omit<Inspection, 'tower'>): string {
  if (!contract) return `no, it is not a CLIP tower that this server can feed: ${refusal}`;
  if (unrecognised !== undefined) return `as it is, for its structure is not recognised: ${unrecognised}`;
  const plan = planOf(contract);
  return `rewritten at the first start, if proved to give the same vectors: ${changesOf(plan.options, plan.lengths)}`;
}

function changesOf({ columns, pixels, precision }: RewriteOptions, lengths: readonly number[]): string {
  const changes = [
    columns === 'context' && 'the last block for the vector’s row alone',
    columns === 'packed' && `texts without padding, in batches of up to ${lengths.join(', ')} tokens a text`,
    columns === 'dynamic' && `texts cut to ${lengths.join(', ')} columns`,
    pixels === 'uint8' && 'pictures normalised inside',
    precision !== 'fp32' && `in ${precision}`,
  ];
  return changes.filter(Boolean).join(', ');
}
