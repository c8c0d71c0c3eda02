import { readFile } from 'node:fs/promises';
import { Client } from '../client/node.ts';
import { ConfigError } from '../config/config.ts';

/** The options of commands that work by a running server, as they stand on the command line. */
export interface ClientFlags {
  readonly server: string;
  readonly ca?: string | undefined;
  readonly 'api-key'?: string | undefined;
  readonly 'batch-size'?: string | undefined;
  readonly concurrency?: string | undefined;
}

/** @throws ConfigError */
export async function openClient(flags: ClientFlags): Promise<Client> {
  const ca = flags.ca === undefined ? undefined : await readFile(flags.ca, 'utf8').catch(asConfigError);
  const batchSize = countOf('batch-size', flags['batch-size']);
  const concurrency = countOf('concurrency', flags.concurrency);
  try {
    const apiKey = flags['api-key'];
    return new Client(flags.server, {
      ...(ca === undefined ? {} : { tls: { ca } }),
      ...(apiKey === undefined ? {} : { apiKey }),
      batchSize,
      concurrency,
    });
  } catch (error) {
    return asConfigError(error);
  }
}

/** @throws ConfigError */
export function countOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,8}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new ConfigError(`--${name}: expected a whole number above 0, got ${text}`);
}

function asConfigError(error: unknown): never {
  throw new ConfigError((error as Error).message, { cause: error });
}
