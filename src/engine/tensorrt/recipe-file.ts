import { ConfigError } from '../../config/config.ts';
import { Findings } from '../../config/findings.ts';
import { describe, type Node } from '../../config/node.ts';
import { nearest } from '../../config/spelling.ts';
import { choice, integer, listOf, mismatch, type ValueType } from '../../config/values.ts';
import { parseYaml } from '../../config/yaml.ts';
import { TOWERS } from '../../model/catalogue.ts';
import type { Tower } from '../../model/tower.ts';
import type { Recipe, TowerRecipe } from './plan.ts';

export type RecipeFile = Readonly<Record<Tower, TowerRecipe>>;

const RECIPES: readonly Recipe[] = ['fp32', 'fp16', 'fp32-residual', 'bf16', 'original'];

/** Keys of a tower; each has to be there. */
const KEYS = {
  recipes: listOf(choice(RECIPES)),
  max_batch: integer(1, 1024),
  workspace_mib: integer(1, 1_048_576),
  optimisation_level: integer(0, 5),
};
type Keys = typeof KEYS;
type Values = { [K in keyof Keys]: Keys[K] extends ValueType<infer T> ? T : never };

/** Reads a file of `engines/`. @throws ConfigError with each fault's file, line and key; an unknown key is one */
export function readRecipeFile(text: string, origin: string): RecipeFile {
  const findings = new Findings();
  const root = parseYaml(text, origin, findings);
  const towers = readMap(root, '', TOWERS, findings);
  const recipes = towers.map(([key, node]) => [key, readTower(node, key, findings)]);
  findings.check();
  // A key that is written twice.
  if (findings.warnings.length > 0) throw new ConfigError(findings.warnings.join('\n'));
  return Object.fromEntries(recipes) as RecipeFile;
}

function readTower(node: Node, tower: Tower, findings: Findings): TowerRecipe {
  const names = Object.keys(KEYS) as (keyof Keys)[];
  const values = Object.fromEntries(
    readMap(node, tower, names, findings).map(([name, value]) => {
      const key = `${tower}.${name}`;
      const read = KEYS[name].read(value, (remark) => findings.fault(value.at, key, remark));
      if (read === undefined || (Array.isArray(read) && read.length === 0)) {
        const [at, text] = mismatch(KEYS[name], value, value.at);
        findings.fault(at, key, text);
      }
      return [name, read];
    }),
  ) as Values;
  return {
    recipes: values.recipes,
    maxBatch: values.max_batch,
    workspaceBytes: values.workspace_mib * 2 ** 20,
    optimisationLevel: values.optimisation_level,
  };
}

/** The values of a map that has exactly these keys. */
function readMap<K extends string>(
  node: Node,
  path: string,
  names: readonly K[],
  findings: Findings,
): [K, Node][] {
  if (node.kind !== 'map') {
    findings.fault(node.at, path || 'the recipe', `expected a map, got ${describe(node)}`);
    return [];
  }
  const under = (key: string) => (path === '' ? key : `${path}.${key}`);
  for (const { key, at } of node.entries)
    if (!(names as readonly string[]).includes(key)) findings.fault(at, under(key), unknown(key, names));
  return names.flatMap((name) => {
    const entry = node.entries.find(({ key }) => key === name);
    if (entry) return [[name, entry.value]];
    findings.fault(node.at, under(name), 'expected a value, found no such key');
    return [];
  });
}

function unknown(key: string, names: readonly string[]): string {
  const near = nearest(key, names);
  const advice = near === undefined ? `one of ${names.join(', ')}` : `did you mean ${near}?`;
  return `unknown key; ${advice}`;
}
