import { createHash } from 'node:crypto';
import { access, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TowerArchitecture } from '../../../model/architecture/architecture.ts';
import { recognise } from '../../../model/architecture/recognise.ts';
import { readOnnx } from '../../../model/onnx/read.ts';
import { towerContract } from '../../../model/rewrite/contract.ts';
import type { RewriteOptions } from '../../../model/rewrite/options.ts';
import { rewriteTower } from '../../../model/rewrite/rewrite.ts';
import type { TowerContract } from '../../../model/tower.ts';
import { Homes } from '../../rewrite/homes.ts';
import { hashModel, recallHashes } from '../../rewrite/source.ts';
import type { Recipe } from '../plan.ts';
import { columnBuckets } from '../profiles.ts';

/** The graph that plans of all precisions are built of: the contract, at the place of the original. */
export async function plannedGraph(
  contract: TowerContract,
): Promise<TowerContract | { readonly unrecognised: string }> {
  const recognition = await recognise(await readOnnx(contract.path), contract);
  if ('reason' in recognition) return { unrecognised: recognition.reason };
  const { architecture } = recognition;
  return cutTo(towerContract(architecture, optionsOf('fp32'), contract.path, []), architecture);
}

/**
 * Writes the graph of a recipe into the folder; the original is taken from where it is.
 * @throws Error where the structure is not recognised, or the folder does not take it
 */
export async function writeGraph(
  contract: TowerContract,
  recipe: Recipe,
  folder: string,
): Promise<TowerContract> {
  if (recipe === 'original') return contract;
  const recognition = await recognise(await readOnnx(contract.path), contract);
  if ('reason' in recognition) throw new Error(`${contract.path} is not recognised: ${recognition.reason}`);
  const { architecture } = recognition;
  const target = join(folder, 'graph.onnx');
  // Whoever wants this to end ends the process.
  const { signal } = new AbortController();
  return cutTo(await rewriteTower(architecture, optionsOf(recipe), target, signal), architecture);
}

function optionsOf(precision: RewriteOptions['precision']): RewriteOptions {
  return { columns: 'dynamic', end: 'given', pixels: 'uint8', precision };
}

function cutTo(contract: TowerContract, architecture: TowerArchitecture): TowerContract {
  if (architecture.family !== 'text') return contract;
  return { ...contract, cut: { lengths: columnBuckets(contract), endToken: architecture.endToken } };
}

/** SHA-256 of the tower's files together, noted so that the next start need not read them. */
export async function weightsDigest({ path }: TowerContract, cache: string): Promise<string> {
  const homes = new Homes(cache);
  try {
    for await (const home of homes.of(path)) {
      const isFit = await mkdir(home.folder, { recursive: true })
        .then(() => access(home.folder, constants.W_OK))
        .then(
          () => true,
          () => false,
        );
      const files = (await recallHashes(home, path)) ?? (isFit && (await hashModel(home, path, () => {})));
      if (!files) continue;
      const hash = createHash('sha256');
      for (const { sha256 } of files) hash.update(sha256);
      return hash.digest('hex');
    }
  } finally {
    await homes.close();
  }
  throw new Error(`${path}: no folder takes the note of its checksum`);
}
