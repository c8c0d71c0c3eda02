import { readFile } from 'node:fs/promises';
import { ClipError } from '../errors.ts';

/** The object that a JSON file beside a model holds. @throws ClipError model_invalid for anything else */
export async function readJsonFile(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw new Error(`expected an object, found ${Array.isArray(value) ? 'a list' : typeof value}`);
  } catch (cause) {
    throw new ClipError('model_invalid', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
