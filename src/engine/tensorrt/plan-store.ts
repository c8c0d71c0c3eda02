import type { EnginesConfig } from '../../config/config.ts';
import { ClipError } from '../../errors.ts';
import { unlessLocked, withLock } from '../../model/lock.ts';
import type { OnProgress } from '../../model/progress.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { PlanKey, ProvedPlan, Refusal } from './plan.ts';
import { LOCK, PlanFolder } from './plan-folder.ts';
import { planName } from './plan-key.ts';
import { type Reading, readPlan } from './plan-reading.ts';
import { makeRoom } from './plan-room.ts';
import { type Built, completed, sizeOf, writePlan } from './plan-writing.ts';
import { makePrivateFolder } from './private-files.ts';
import { readTimingCache, type TimingKind, writeTimingCache } from './timing-caches.ts';
import { UseMarks } from './use-marks.ts';

export type { Built, TimingKind };

export interface StoreHooks {
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** ms between two marks of what is used. */
  readonly markMs?: number;
  /** A lock whose holder has not renewed it for so long is taken over. */
  readonly staleMs?: number;
}

/** No plan to be had, and why, as a clause. */
export interface Miss {
  readonly reason: string;
}

type Build = (signal: AbortSignal) => Promise<Built>;
type Outcome = ProvedPlan | Refusal;

export interface ObtainHooks {
  /** UUID of the GPU to build on: one build at a time, for two would time each other's kernels. */
  readonly gpu: string;
  readonly signal: AbortSignal;
  /** Takes `waiting`; the task's end is the caller's to report. */
  readonly progress: OnProgress;
  /** The progress's task. */
  readonly label: string;
}

/** The plan cache, as one process uses it. Its owner closes it. */
export class PlanStore {
  readonly #config: EnginesConfig;
  readonly #hooks: StoreHooks;
  readonly #folder: PlanFolder;
  readonly #marks: UseMarks;
  readonly #lock: typeof LOCK;
  /** Why nothing is read and nothing kept. */
  #unusable: string | undefined;
  #hasWarned = false;

  private constructor(config: EnginesConfig, hooks: StoreHooks) {
    this.#config = config;
    this.#hooks = hooks;
    this.#folder = new PlanFolder(config.folder);
    this.#marks = new UseMarks(hooks.markMs);
    this.#lock = { ...LOCK, ...(hooks.staleMs !== undefined && { staleMs: hooks.staleMs }) };
  }

  /** Makes the folder, clears away what was cut off. A folder that cannot be used is told in the log, and then nothing is kept. */
  static async open(config: EnginesConfig, hooks: StoreHooks): Promise<PlanStore> {
    const store = new PlanStore(config, hooks);
    await store.#prepare();
    return store;
  }

  async #prepare(): Promise<void> {
    const { path } = this.#folder;
    try {
      await makePrivateFolder(path);
    } catch (thrown) {
      this.#unusable = (thrown as Error).message;
      this.#warnOnce(`engines are neither kept nor taken from the cache: ${this.#unusable}`);
      return;
    }
    // In a folder that is only read there is nothing to clear away.
    await this.#folder.sweep().catch((thrown: Error) => this.#hooks.log.debug(`${path}: ${thrown.message}`));
  }

  /** A plan whose checksum was verified; a refusal of an earlier build; or why there is neither. @throws the signal's reason */
  async find(key: PlanKey, signal: AbortSignal): Promise<Outcome | Miss> {
    if (this.#unusable !== undefined) return { reason: this.#unusable };
    const name = planName(key);
    const reading = await readPlan(this.#folder, name, signal);
    if (!('bad' in reading)) return this.#give(name, reading);
    // Others may have come in its place since; whoever has the lock sees to that.
    const path = this.#folder.lock(name);
    const settled = await unlessLocked(path, this.#lock, () => this.#findAlone(name, signal)).catch(
      () => undefined,
    );
    signal.throwIfAborted();
    return settled ?? { reason: reading.bad };
  }

  /** As `find`, by the holder of the name's lock: what must not be used is put out of the way. */
  async #findAlone(name: string, signal: AbortSignal): Promise<Outcome | Miss> {
    const reading = await readPlan(this.#folder, name, signal);
    if (!('bad' in reading)) return this.#give(name, reading);
    const { log } = this.#hooks;
    log.warn(`${this.#folder.plan(name)} is not used, and set aside as .rejected: ${reading.bad}`);
    await this.#folder.reject(name).catch((thrown: Error) => log.warn(thrown.message));
    return { reason: reading.bad };
  }

  async #give(name: string, reading: Exclude<Reading, { bad: string }>): Promise<Outcome | Miss> {
    if ('absent' in reading) return { reason: reading.absent };
    await this.#marks.add(this.#folder.record(name));
    return reading.found;
  }

  /**
   * As `find`, else builds it, in one process at a time. A plan that cannot be kept is given out all the same.
   * @throws the signal's reason, and what `build` throws
   */
  async obtain(key: PlanKey, build: Build, hooks: ObtainHooks): Promise<Outcome> {
    const { signal, label } = hooks;
    const found = await this.find(key, signal);
    if (!('reason' in found)) return found;
    this.#hooks.log.info(`${label} is not in the cache: ${found.reason}`);
    const deadline = performance.now() + this.#config.waitMs;
    for (;;) {
      const turn = await this.#takeTurn(key, build, hooks, deadline - performance.now());
      if (turn === 'lost') continue;
      if (!('reason' in turn)) return turn;
      this.#warnOnce(`${label} is built for this process alone: ${turn.reason}`);
      return completed(key, await this.#buildAlone(build, hooks), signal);
    }
  }

  /** Finds or builds it with the name's lock; `lost` where another process took that over. A miss where it is not to be had. */
  async #takeTurn(
    key: PlanKey,
    build: Build,
    hooks: ObtainHooks,
    waitMs: number,
  ): Promise<Outcome | Miss | 'lost'> {
    if (this.#unusable !== undefined) return { reason: this.#unusable };
    const { signal, progress, label } = hooks;
    const path = this.#folder.lock(planName(key));
    const detail = `another process builds it (${path}.lock)`;
    const onWait = () => progress({ task: label, phase: 'waiting', done: 0, unit: 'steps', detail });
    /** What came of the work, whatever becomes of the lock. */
    const work: { outcome?: Outcome; thrown?: unknown; isLost?: boolean } = {};
    try {
      return await withLock(path, { ...this.#lock, waitMs }, signal, onWait, async (held) => {
        try {
          work.outcome = await this.#obtainAlone(key, build, { ...hooks, signal: held });
          return work.outcome;
        } catch (thrown) {
          Object.assign(work, { thrown, isLost: held.aborted });
          throw thrown;
        }
      });
    } catch (thrown) {
      signal.throwIfAborted();
      if (work.outcome) return work.outcome;
      if (work.isLost) return 'lost';
      if ('thrown' in work) throw work.thrown;
      if (thrown instanceof ClipError) this.#bite('engines_wait_ms');
      return { reason: (thrown as Error).message };
    }
  }

  async #obtainAlone(key: PlanKey, build: Build, hooks: ObtainHooks): Promise<Outcome> {
    const { signal } = hooks;
    const name = planName(key);
    const found = await this.#findAlone(name, signal);
    if (!('reason' in found)) return found;
    await this.#folder.clear(name).catch(() => {});
    const outcome = await completed(key, await this.#buildAlone(build, hooks), signal);
    await this.#keep(name, outcome);
    return outcome;
  }

  /** Builds while no other process that has this folder builds on the GPU; where its lock is not to be had, all the same. */
  async #buildAlone(build: Build, { gpu, signal, progress, label }: ObtainHooks): Promise<Built> {
    if (this.#unusable !== undefined) return build(signal);
    const path = this.#folder.gpuLock(gpu);
    const detail = `another process builds on this GPU (${path}.lock)`;
    const onWait = () => progress({ task: label, phase: 'waiting', done: 0, unit: 'steps', detail });
    const limits = { ...this.#lock, waitMs: this.#config.waitMs };
    let work: Promise<Built> | undefined;
    try {
      // A lock that is lost is no reason to give up minutes of work.
      return await withLock(path, limits, signal, onWait, () => {
        work = build(signal);
        return work;
      });
    } catch (thrown) {
      signal.throwIfAborted();
      if (work) return work;
      if (thrown instanceof ClipError) this.#bite('engines_wait_ms');
      const { message } = thrown as Error;
      this.#hooks.log.warn(`${label} is built beside what others build on the GPU: ${message}`);
      return build(signal);
    }
  }

  async #keep(name: string, outcome: Outcome): Promise<void> {
    const { maxBytes } = this.#config;
    try {
      const gone = await makeRoom(this.#folder, sizeOf(outcome), maxBytes);
      if (!gone || gone.length > 0) this.#bite('engines_max_bytes');
      if (!gone)
        throw new Error(`beside those in use it does not fit into files.engines_max_bytes, ${maxBytes}`);
      for (const entry of gone) this.#hooks.log.info(`${entry.name} gave room in the cache of engines`);
      await writePlan(this.#folder, outcome);
      await this.#marks.add(this.#folder.record(name));
    } catch (thrown) {
      this.#warnOnce(
        `an engine is not kept, and the next start builds it anew: ${(thrown as Error).message}`,
      );
    }
  }

  /** What earlier builds of the kind have measured; undefined where there is nothing. */
  async timingCache(kind: TimingKind): Promise<Uint8Array | undefined> {
    return this.#unusable === undefined ? readTimingCache(this.#folder, kind) : undefined;
  }

  /** Keeps what a build has measured, where that can be done. */
  async keepTimingCache(kind: TimingKind, bytes: Uint8Array): Promise<void> {
    if (this.#unusable !== undefined) return;
    await writeTimingCache(this.#folder, kind, bytes, this.#config.maxBytes).catch((thrown: Error) =>
      this.#warnOnce(`timings are not kept: ${thrown.message}`),
    );
  }

  /** Plans that were given out count as used no longer. Idempotent. */
  close(): void {
    this.#marks.close();
  }

  #bite(limit: string): void {
    this.#hooks.metrics?.limited.inc({ limit });
  }

  #warnOnce(text: string): void {
    const { log } = this.#hooks;
    if (this.#hasWarned) log.debug(text);
    else log.warn(text);
    this.#hasWarned = true;
  }
}
