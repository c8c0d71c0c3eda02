import { createHash } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Home } from './home.ts';

/** The folders in which a model's rewritten graphs may lie, the best first. Its owner closes it. */
export class Homes {
  readonly #cache: string;
  readonly #temporary: string[] = [];

  /** `cache` is the folder of all models. */
  constructor(cache: string) {
    this.#cache = cache;
  }

  /** Beside the model; in the cache of models, where the next start finds it too; in a folder for this process alone. */
  async *of(model: string): AsyncGenerator<Home> {
    const real = await realpath(model);
    // ONNX Runtime follows no link out of the folder, and there are the weights of a model that is one.
    if (dirname(real) === (await realpath(dirname(model))))
      yield { folder: dirname(model), stem: `.${basename(model, '.onnx')}` };
    const origin = createHash('sha256').update(real);
    yield { folder: join(this.#cache, 'rewritten', origin.digest('hex').slice(0, 16)), stem: 'graph' };
    const folder = await mkdtemp(join(tmpdir(), 'clip-server-'));
    this.#temporary.push(folder);
    yield { folder, stem: 'graph' };
  }

  async close(): Promise<void> {
    for (const folder of this.#temporary.splice(0)) await rm(folder, { recursive: true, force: true });
  }
}
