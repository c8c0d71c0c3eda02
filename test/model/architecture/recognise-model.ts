import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TowerArchitecture } from '../../../src/model/architecture/architecture.ts';
import { type Recognition, recognise } from '../../../src/model/architecture/recognise.ts';
import { establishTower } from '../../../src/model/contract.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import type { Tower, TowerContract } from '../../../src/model/tower.ts';
import type { ModelOptions } from '../../models/options.ts';
import type { Preset } from '../../models/presets.ts';
import { testModel } from '../../models/test-model.ts';
import { ModelEdit } from './model-edit.ts';

export interface Subject {
  readonly preset: Preset;
  readonly tower: Tower;
  readonly options?: Omit<ModelOptions, 'preset'>;
}

/** What a generated tower is taken for after `edit` has changed its graph. */
export async function recogniseEdited(
  { preset, tower, options = {} }: Subject,
  edit: (model: ModelEdit) => void = () => {},
  change: Partial<TowerContract> = {},
): Promise<Recognition> {
  const folder = await testModel(preset, options);
  const model = await readOnnx(join(folder, tower === 'text' ? 'textual.onnx' : 'visual.onnx'));
  const contract = await establishTower(model, tower, {});
  const edited = new ModelEdit(model);
  edit(edited);
  return recognise(edited.done(), { ...contract, ...change });
}

/** The architecture, of the family asked for. */
export function recognised<F extends TowerArchitecture['family']>(
  recognition: Recognition,
  family: F,
): Extract<TowerArchitecture, { family: F }> {
  if ('reason' in recognition) assert.fail(`not recognised: ${recognition.reason}`);
  const { architecture } = recognition;
  assert.equal(architecture.family, family);
  return architecture as Extract<TowerArchitecture, { family: F }>;
}

export async function assertRefused(
  subject: Subject,
  reason: RegExp,
  edit: (model: ModelEdit) => void,
  change: Partial<TowerContract> = {},
): Promise<void> {
  const recognition = await recogniseEdited(subject, edit, change);
  assert.ok('reason' in recognition, 'recognised');
  assert.match(recognition.reason, reason);
}
