import { ClipError } from '../../errors.ts';
import type { ModelContract, TextInput, Tower, TowerContract, TowerInput } from '../../model/tower.ts';
import type { TensorRt, TensorRtContext, TensorRtEngine, TensorRtError } from '../../native/tensorrt.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Engine, EngineFactory, EngineTeam } from '../engine.ts';
import type { PlannedTower } from './build-plan.ts';
import { CanaryRounds } from './canary.ts';
import { type OnLost, TensorRtTower, within } from './engine.ts';
import type { PlanRecord } from './plan.ts';

export interface EnginesOptions {
  readonly tensorRt: Pick<TensorRt, 'open'>;
  /** CUDA's index of each replica's device. */
  readonly devices: readonly number[];
  /** Plans for a device; asked for once each. */
  readonly plansFor: (device: number) => Promise<Record<Tower, PlannedTower>>;
  /** What the canaries are. */
  readonly canaries: Readonly<Record<Tower, TowerInput>>;
  readonly probes: { readonly text: TextInput; readonly image: TowerInput };
  readonly hangMs: number;
  /** ms between the canary's runs; 0 is none. */
  readonly canaryMs: number;
  readonly onLost: OnLost;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Engines whose plans are open, each with its contexts at hand. */
export interface TensorRtEngines {
  readonly contracts: Pick<ModelContract, Tower>;
  /** Of each replica. */
  readonly teams: Readonly<Record<Tower, EngineTeam[]>>;
  /** To be called once no engine of the teams is in use. */
  close(): Promise<void>;
}

/** Two overlap: one's batch is uploaded while the other's computes. */
const CONTEXTS_PER_REPLICA = 2;
/** ms that a plan gets to be given back. */
const CLOSE_MS = 5_000;

/**
 * Opens each plan once on each device, and makes the contexts of all replicas. Where the device's memory does not take a
 * replica's second context, the replica has one.
 *
 * @throws what `plansFor` throws; TensorRtError; ClipError engine_failed where the memory does not take one context each
 */
export async function openEngines(options: EnginesOptions): Promise<TensorRtEngines> {
  const opened: TensorRtEngine[] = [];
  const rounds = new CanaryRounds(options.canaryMs, options.metrics);
  const close = async () => {
    rounds.close();
    await within(CLOSE_MS, Promise.all(opened.map((engine) => engine.close())));
  };
  try {
    const devices = new Map<number, Record<Tower, Place>>();
    for (const device of new Set(options.devices)) {
      const planned = await options.plansFor(device);
      const open = async (tower: Tower): Promise<Place> => {
        const { contract, proved } = planned[tower];
        const engine = await options.tensorRt.open(proved.plan, device);
        opened.push(engine);
        // The plan's bytes are not kept: hundreds of MB.
        return { engine, contract, record: proved.record, device };
      };
      devices.set(device, { text: await open('text'), image: await open('image') });
    }
    const teams: TensorRtEngines['teams'] = { text: [], image: [] };
    for (const device of options.devices)
      for (const tower of ['text', 'image'] as const)
        teams[tower].push({ members: await membersOf(devices.get(device)![tower], rounds, options) });
    const { text, image } = devices.get(options.devices[0]!)!;
    return { contracts: { text: text.contract, image: image.contract }, teams, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An open plan. */
interface Place {
  readonly engine: TensorRtEngine;
  readonly contract: TowerContract;
  readonly record: PlanRecord;
  readonly device: number;
}

async function membersOf(
  place: Place,
  rounds: CanaryRounds,
  options: EnginesOptions,
): Promise<EngineFactory[]> {
  const factories: EngineFactory[] = [];
  for (let at = 0; at < CONTEXTS_PER_REPLICA; at++) {
    try {
      factories.push(factoryOf(await contextOf(place, options), place, rounds, options));
    } catch (error) {
      const { code, message } = error as TensorRtError;
      if (code !== 'memory') throw error;
      const { contract, device } = place;
      const taken = `the memory of cuda:${device} takes ${at === 0 ? 'no' : at} context of the ${contract.tower} tower`;
      if (at === 0) throw new ClipError('engine_failed', `${taken}: ${message}`, { cause: error });
      options.log.warn(`${taken}, not ${CONTEXTS_PER_REPLICA}`);
      break;
    }
  }
  return factories;
}

/** The first engine has the context that is at hand; one that replaces it gets another of the same plan. */
function factoryOf(
  first: TensorRtContext,
  place: Place,
  rounds: CanaryRounds,
  options: EnginesOptions,
): EngineFactory {
  let ready: TensorRtContext | undefined = first;
  const { contract, record, device } = place;
  const { tower } = contract;
  const { canaries, probes, hangMs, onLost, log } = options;
  const canary = { input: canaries[tower], expected: record.canary };
  const inputs = tower === 'text' ? textProbes(probes.text, contract) : [probes.image];
  return async (): Promise<Engine> => {
    const context = ready ?? (await contextOf(place, options));
    ready = undefined;
    return new TensorRtTower({
      context,
      contract,
      record,
      device,
      probes: inputs,
      canary,
      rounds,
      hangMs,
      onLost,
      log,
    });
  };
}

function contextOf({ engine }: Place, { hangMs }: EnginesOptions): Promise<TensorRtContext> {
  return engine.context({ graphs: true, hangMs });
}

/** The text, drawn out to each length that the graph is run with. */
function textProbes({ ids, length }: TextInput, { cut }: TowerContract): TextInput[] {
  const [end, word] = [ids[length - 1]!, ids[1]!];
  return (cut?.lengths ?? [ids.length]).map((columns) => {
    const drawn = new Int32Array(ids.length).fill(word, 1, columns - 1);
    drawn[0] = ids[0]!;
    drawn[columns - 1] = end;
    return { ids: drawn, length: columns };
  });
}
