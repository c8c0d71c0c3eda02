import type { Config, EnginesConfig, FilesConfig } from './config.ts';
import { readConfig } from './read.ts';

/** Where model files come from for a command that takes no flow: the environment, read as for any flow. */
export async function filesFromEnvironment(environment: NodeJS.ProcessEnv): Promise<FilesConfig> {
  return (await readConfig({ argument: 'jtype: Flow' }, environment)).files;
}

/** Where a command that takes no flow finds the engines that a server in the same environment has built. */
export async function enginesFromEnvironment(environment: NodeJS.ProcessEnv): Promise<EnginesConfig> {
  return (await readConfig({ argument: 'jtype: Flow' }, environment)).engines;
}

/** The file named by `CLIP_SERVER_ENDPOINTS`, as a server in the same environment has it. */
export async function endpointsFileFromEnvironment(
  environment: NodeJS.ProcessEnv,
): Promise<Config['gateway']['endpointsFile']> {
  return (await readConfig({ argument: 'jtype: Flow' }, environment)).gateway.endpointsFile;
}
