import type { EngineFactory, EngineTeam } from '../engine/engine.ts';
import type { ClipError } from '../errors.ts';
import { Replica, type ReplicaOptions } from './replica.ts';

/**
 * With fewer items waiting per part the whole is sooner done: two pictures one after the other on all threads take less time
 * than side by side on half of them each.
 */
const ITEMS_PER_PART = 2;

type Options = Omit<ReplicaOptions, 'create'>;

/** A replica's engines of one tower. The one that needs all threads and those with a part of them never run at once. */
export class Team {
  readonly #members: readonly Replica[];
  readonly #makeParts: () => readonly Replica[];
  /** Of the only member; none until it is known to be on the CPU. */
  #parts: readonly Replica[] = [];
  #isClosed = false;

  constructor({ members, parts = [] }: EngineTeam, options: Options) {
    const make = (create: EngineFactory) => new Replica({ ...options, create });
    this.#members = members.map(make);
    this.#makeParts = () => parts.map(make);
  }

  /** Resolves when every engine serves. @throws ClipError of the first that does not */
  async start(): Promise<void> {
    await Promise.all(this.#members.map((replica) => replica.start()));
    if (this.#isClosed) return;
    if (this.#members[0]!.description!.device === 'cpu') this.#parts = this.#makeParts();
    await Promise.all(this.#parts.map((replica) => replica.start()));
  }

  async close(reason: ClipError): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.engines.map((replica) => replica.close(reason)));
  }

  get engines(): readonly Replica[] {
    return [...this.#members, ...this.#parts];
  }

  /** Engines that may begin now, all at once, where so many items wait. */
  free(waiting: number): readonly Replica[] {
    const members = idleOf(this.#members);
    if (this.#parts.length === 0) return members;
    if (this.#members.some(isBusy)) return [];
    const parts = idleOf(this.#parts);
    if (this.#parts.some(isBusy)) return parts;
    const enough = waiting >= ITEMS_PER_PART * this.#parts.length;
    return parts.length > 0 && (enough || members.length === 0) ? parts : members;
  }
}

function idleOf(replicas: readonly Replica[]): readonly Replica[] {
  return replicas.filter(({ state }) => state === 'idle');
}

function isBusy({ state }: Replica): boolean {
  return state === 'busy';
}
