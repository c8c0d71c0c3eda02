import type { ServiceDescription } from '../../service/item.ts';
import { ParameterError } from './parameter-error.ts';

/**
 * Whether a client means the served model: its canonical name (`ViT-B-32::openai`), one of the catalogue's other names of it
 * (`ViT-B/32`), or what the flow calls it; case does not count.
 */
function isServed(name: string, { model, aliases }: ServiceDescription): boolean {
  const wanted = name.trim().toLowerCase();
  return [model, ...aliases].some((known) => known.toLowerCase() === wanted);
}

/** @throws ParameterError invalid_request; unknown_model */
export function checkModel(name: unknown, description: ServiceDescription): void {
  const known = description.model;
  if (name === undefined || name === null)
    throw new ParameterError('model', `expected a model's name, such as ${known}, got none`);
  if (typeof name !== 'string')
    throw new ParameterError('model', `expected a model's name, got a ${typeof name}`);
  if (isServed(name, description)) return;
  const quoted = JSON.stringify(name.slice(0, 80));
  throw new ParameterError('model', `the model ${quoted} is not served here; ${known} is`, 'unknown_model');
}
