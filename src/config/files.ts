import type { FilesConfig } from './config.ts';
import { readConfig } from './read.ts';

/** Where model files come from for a command that takes no flow: the environment, read as for any flow. */
export async function filesFromEnvironment(environment: NodeJS.ProcessEnv): Promise<FilesConfig> {
  return (await readConfig({ argument: 'jtype: Flow' }, environment)).files;
}
