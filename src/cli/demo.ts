import { join } from 'node:path';
import { ConfigError } from '../config/config.ts';
import { BUILT_IN_FOLDER } from '../config/source.ts';
import { serve } from './serve.ts';

/** `clip-server demo`: the flow of the model that is part of the program. Resolves to the exit code. */
export function demo(args: string[]): Promise<number> {
  if (args.length > 0) throw new ConfigError(`demo: expected no argument, got ${args.join(' ')}`);
  return serve([join(BUILT_IN_FOLDER, 'demo-flow.yml')]);
}
