import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessLocked } from '../../model/lock.ts';

/** Renewed by its holder all the time; a build itself runs in another process. */
export const LOCK = { staleMs: 10_000, pollMs: 250 };

/** ms after which a plan that no process has marked counts as unused. */
export const IN_USE_MS = 600_000;

/** Plans that were rejected are kept to look into, so many. */
const REJECTED_KEPT = 4;

/** What belongs together in the folder. */
export interface Entry {
  readonly kind: 'plan' | 'timing' | 'rejected';
  /** Of its files, without endings. */
  readonly name: string;
  /** Names in the folder; the one that makes the others count comes first. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** ms since 1970. */
  readonly usedAt: number;
}

const KINDS: readonly { readonly kind: Entry['kind']; readonly pattern: RegExp }[] = [
  { kind: 'plan', pattern: /^([0-9a-f]{64})\.(json|plan)$/ },
  { kind: 'timing', pattern: /^(timing-[0-9a-f]{16})\.cache$/ },
  { kind: 'rejected', pattern: /^([0-9a-f]{64})\.(json|plan)\.rejected$/ },
];
/** Whatever is only there while its lock is held. */
const UNFINISHED = /^([0-9a-f]{64}|timing-[0-9a-f]{16}|gpu-[0-9a-z-]+)\.([0-9a-f-]{36}\.tmp|lock)$/;

/** The names in the plan cache, and what becomes of its files. */
export class PlanFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  plan(name: string): string {
    return join(this.path, `${name}.plan`);
  }

  /** The side-car, without which a plan counts for nothing. */
  record(name: string): string {
    return join(this.path, `${name}.json`);
  }

  timing(name: string): string {
    return join(this.path, `timing-${name}.cache`);
  }

  /** Whoever writes files of this name holds this lock. */
  lock(name: string): string {
    return join(this.path, name);
  }

  /** Whoever builds on the GPU of this UUID holds this lock. */
  gpuLock(uuid: string): string {
    return this.lock(`gpu-${uuid}`);
  }

  /** Unfinished files and locks are none. @throws Error of the file system */
  async entries(): Promise<Entry[]> {
    const found = new Map<string, { kind: Entry['kind']; name: string; files: string[] }>();
    for (const file of (await readdir(this.path)).sort())
      for (const { kind, pattern } of KINDS) {
        const name = pattern.exec(file)?.[1];
        if (name === undefined) continue;
        const entry = found.get(kind + name) ?? { kind, name, files: [] };
        entry.files.push(file);
        found.set(kind + name, entry);
      }
    return Promise.all([...found.values()].map((entry) => this.#measure(entry)));
  }

  async #measure(entry: Pick<Entry, 'kind' | 'name' | 'files'>): Promise<Entry> {
    const infos = await Promise.all(
      entry.files.map((file) => stat(join(this.path, file)).catch(() => undefined)),
    );
    const bytes = infos.reduce((total, info) => total + (info?.size ?? 0), 0);
    // A new name changes no time but this one.
    const usedAt = (entry.kind === 'rejected' ? infos[0]?.ctimeMs : infos[0]?.mtimeMs) ?? 0;
    return { ...entry, bytes, usedAt };
  }

  /** The first file goes first: a reader finds all or none. @throws Error of the file system */
  async remove({ files }: Pick<Entry, 'files'>): Promise<void> {
    for (const file of files) await rm(join(this.path, file), { force: true });
  }

  /** Takes the files out of use, to be looked into, and removes older ones of this kind. @throws Error of the file system */
  async reject(name: string): Promise<void> {
    for (const path of [this.record(name), this.plan(name)])
      await rename(path, `${path}.rejected`).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== 'ENOENT') throw thrown;
      });
    const rejected = (await this.entries()).filter(({ kind }) => kind === 'rejected');
    const newestFirst = rejected.sort((a, b) => b.usedAt - a.usedAt);
    for (const entry of newestFirst.slice(REJECTED_KEPT)) await this.remove(entry);
  }

  /**
   * Removes what was begun and will not be finished, as nobody holds its lock: unfinished files, and plans without a side-car.
   * @throws Error of the file system
   */
  async sweep(): Promise<void> {
    const files = await readdir(this.path);
    const begun = files.flatMap((file) => UNFINISHED.exec(file)?.[1] ?? []);
    const orphans = (await this.entries()).filter((entry) => this.#isOrphan(entry)).map(({ name }) => name);
    for (const name of new Set([...begun, ...orphans]))
      await unlessLocked(this.lock(name), LOCK, () => this.clear(name));
  }

  /** Of this name. To be called by the lock's holder. */
  async clear(name: string): Promise<void> {
    for (const file of await readdir(this.path))
      if (UNFINISHED.exec(file)?.[1] === name && file.endsWith('.tmp')) await this.remove({ files: [file] });
    const entries = (await this.entries()).filter((entry) => entry.name === name);
    for (const entry of entries) if (this.#isOrphan(entry)) await this.remove(entry);
  }

  #isOrphan({ kind, files }: Entry): boolean {
    return kind === 'plan' && !files[0]!.endsWith('.json');
  }
}

/** Whether a running process has it. */
export function isInUse({ usedAt }: Pick<Entry, 'usedAt'>): boolean {
  return usedAt > Date.now() - IN_USE_MS;
}
