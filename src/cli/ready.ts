import { Client } from '../client/node.ts';
import type { TlsOptions } from '../client/options.ts';
import { ConfigError } from '../config/config.ts';
import { endpointsFileFromEnvironment } from '../config/files.ts';
import { readEndpoints } from './endpoints.ts';

const USAGE = `Usage: clip-server ready [SERVER]
Asks a running server by its own protocol whether it takes requests: exit code 0, or 1 with the reason.

SERVER is grpc://host:port, or grpcs, http, https, ws, wss likewise. Without it, every address in the file named by
CLIP_SERVER_ENDPOINTS is asked, which a server started in the same environment writes; those are addresses of this
machine, so no certificate is looked at.`;

/** ms that one address has to answer; below the time that container engines give a health check. */
const ANSWER_MS = 5000;

/** Resolves to the exit code: 0 ready, 1 not; throws ConfigError for 2. */
export async function ready(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  if (args.length > 1 || args[0]?.startsWith('-'))
    throw new ConfigError(`ready: expected one server at most, got ${args.join(' ')}`);
  const reasons = args.length === 1 ? await whyNot(args[0]!, {}) : await whyNotHere();
  for (const reason of reasons) console.error(`clip-server: not ready: ${reason}`);
  return reasons.length === 0 ? 0 : 1;
}

async function whyNotHere(): Promise<string[]> {
  const file = await endpointsFileFromEnvironment(process.env);
  if (file === undefined)
    throw new ConfigError('ready: expected SERVER or CLIP_SERVER_ENDPOINTS, got neither');
  let urls: string[];
  try {
    urls = await readEndpoints(file);
  } catch (error) {
    return [`no server has noted its addresses: ${(error as Error).message}`];
  }
  const asked = urls.map((url) => whyNot(url, { rejectUnauthorized: false }));
  return (await Promise.all(asked)).flat();
}

/** Empty where the server is ready. @throws ConfigError for what is no address */
async function whyNot(url: string, tls: TlsOptions): Promise<string[]> {
  const client = open(url, tls);
  try {
    const { ready, reasons } = await client.ready();
    if (ready) return [];
    return reasons.length > 0 ? [...reasons] : [`${url} says so without a reason`];
  } catch (error) {
    return [(error as Error).message];
  } finally {
    await client.close();
  }
}

function open(url: string, tls: TlsOptions): Client {
  try {
    return new Client(url, { tls, timeoutMs: ANSWER_MS });
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error });
  }
}
