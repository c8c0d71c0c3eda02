import { ConfigError } from '../../config/config.ts';
import { areOfOneModel } from '../embed/probe.ts';
import type { FileOutputOptions } from './file-output.ts';
import { NPY_HEADER_BYTES, npyRowBytes } from './npy.ts';
import type { EncodeState } from './state.ts';

/** The options that a run's files depend on, as `EncodeState.kind` has them. */
export function kindOf({ images, skipErrors, form }: FileOutputOptions): string {
  const { type = 'float32', dimensions, normalize } = form;
  const parts = [
    images ? 'images' : 'texts',
    skipErrors && 'errors skipped',
    type !== 'float32' && type,
    dimensions && `${dimensions} dimensions`,
    normalize && 'normalized',
  ];
  return parts.filter(Boolean).join(', ');
}

/** @throws ConfigError where the unfinished run is of other options, or of another model */
export function checkSame(state: EncodeState, options: FileOutputOptions): void {
  const at = `${options.out}.part.json`;
  const kind = kindOf(options);
  if (state.kind !== kind)
    throw new ConfigError(`${at}: the unfinished run is of ${state.kind}, this one of ${kind}`);
  const rowBytes = npyRowBytes(options.form.type ?? 'float32', options.width);
  if (options.out.endsWith('.npy') && state.sizes.vectors !== NPY_HEADER_BYTES + state.rows * rowBytes)
    throw new ConfigError(`${at}: expected vectors of ${options.width} numbers, as the server answers now`);
  if (!areOfOneModel(state.probe, options.probe))
    throw new ConfigError(`${at}: the server answers with another model than in the unfinished run`);
}
