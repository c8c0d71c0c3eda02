import { parseArgs } from 'node:util';
import { ConfigError, type EnginesConfig } from '../config/config.ts';
import { enginesFromEnvironment } from '../config/files.ts';
import { bytesOf } from '../engine/tensorrt/plan-room.ts';
import { type Kept, prunePlans, surveyPlans } from '../engine/tensorrt/plan-survey.ts';
import { type Here, lookHere, misfit } from './engines-here.ts';
import { describeEngines, type EngineRow } from './engines-table.ts';
import { megabytes } from './progress.ts';

const USAGE = `Usage: clip-server engines list|verify|prune [--json] [--all]
Looks after the TensorRT engines that were built: in CLIP_ENGINE_CACHE, else in engines/ of the models' cache.
  list     what each was built of, its parity and age, and whether a start here would take it
  verify   reads each as a start would; exit code 1 where one would not be taken as it is
  prune    removes what was rejected or cut off, and beyond engines_max_bytes what was not used for longest
  --all    with prune: every engine that no running server uses`;

/** ms that a process gets that loads libraries to see what is here. */
const LIMIT_MS = 20_000;

/**
 * Prints what the cache of engines holds, or clears it. Resolves to the exit code: 0, or 1 where `verify` found one that is not whole.
 * @throws ConfigError for a command line that is wrong; UntrustedError for a folder that others can write; Error of the file system
 */
export async function engines(args: string[]): Promise<number> {
  const { action, json, all, help } = readArgs(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const config = await enginesFromEnvironment(process.env);
  if (action === 'prune') return prune(config, all, json);
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error('stopped'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await (action === 'list' ? list : verify)(config, json, stop.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function list(
  { folder, maxBytes }: EnginesConfig,
  json: boolean,
  signal: AbortSignal,
): Promise<number> {
  const kept = await surveyPlans(folder, false, signal);
  const here = await lookHere({ signal, limitMs: LIMIT_MS, environment: process.env });
  const rows = kept.map((plan) => rowOf(plan, here));
  const bytes = bytesOf(kept);
  if (json) console.log(JSON.stringify({ folder, bytes, maxBytes, engines: rows }, null, 2));
  else {
    if (rows.length > 0) console.log(`${describeEngines(rows, Date.now())}\n`);
    console.log(`${folder}: ${count(rows.length)}, ${megabytes(bytes)} of ${megabytes(maxBytes)}`);
  }
  return 0;
}

function rowOf({ name, bytes, usedAt, isInUse, record, fault }: Kept, here: Here): EngineRow {
  const about = { name, bytes, used: new Date(usedAt).toISOString(), inUse: isInUse };
  if (!record) return { ...about, loads: false, reason: fault! };
  const { key, model, parity, created } = record;
  const refusal = 'refused' in record ? `refused: ${record.refused}` : undefined;
  const reason = refusal ?? misfit(key, here);
  return {
    ...about,
    model,
    key,
    ...(parity && { parity }),
    created,
    loads: reason === undefined,
    ...(reason !== undefined && { reason }),
  };
}

async function verify({ folder }: EnginesConfig, json: boolean, signal: AbortSignal): Promise<number> {
  const kept = await surveyPlans(folder, true, signal);
  const rows = kept.map(({ name, record, fault }) => ({
    name,
    ...(record && { model: record.model, tower: record.key.tower, recipe: record.key.recipe }),
    whole: fault === undefined,
    ...(fault !== undefined && { reason: fault }),
  }));
  if (json) console.log(JSON.stringify({ folder, engines: rows }, null, 2));
  else {
    for (const { name, model, tower, recipe, reason } of rows)
      console.log(
        `${name.slice(0, 12)}  ${[model, tower, recipe].filter(Boolean).join(' ')}: ${reason ?? 'whole'}`,
      );
    console.log(`${folder}: ${rows.filter(({ whole }) => whole).length} of ${count(rows.length)} whole`);
  }
  return rows.every(({ whole }) => whole) ? 0 : 1;
}

async function prune({ folder, maxBytes }: EnginesConfig, all: boolean, json: boolean): Promise<number> {
  const removed = await prunePlans(folder, maxBytes, all);
  const bytes = bytesOf(removed);
  const rows = removed.map(({ kind, name, bytes }) => ({ kind, name, bytes }));
  if (json) console.log(JSON.stringify({ folder, bytes, removed: rows }, null, 2));
  else {
    for (const row of rows) console.log(`${row.name}  ${row.kind}, ${megabytes(row.bytes)}`);
    console.log(`${folder}: ${rows.length} removed, ${megabytes(bytes)}`);
  }
  return 0;
}

const count = (engines: number) => `${engines} engine${engines === 1 ? '' : 's'}`;

const ACTIONS = ['list', 'verify', 'prune'] as const;

function readArgs(args: string[]) {
  try {
    const flag = { type: 'boolean', default: false } as const;
    const options = { json: flag, all: flag, help: { ...flag, short: 'h' } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const action = ACTIONS.find((name) => name === positionals[0]);
    if (!values.help && (!action || positionals.length > 1))
      throw new Error(`expected one of ${ACTIONS.join(', ')}, got ${positionals.join(' ') || 'nothing'}`);
    if (values.all && action !== 'prune') throw new Error('--all goes with prune');
    return { ...values, action };
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; clip-server engines --help shows the usage`);
  }
}
