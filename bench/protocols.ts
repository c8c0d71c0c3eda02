import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { median } from './median.ts';
import { freePorts, startPython } from './reference/server.ts';

const ROUNDS = 3;
const SECONDS = 4;
const IN_FLIGHT = 32;
const STARTS = 3;
const PROTOCOLS = ['http', 'grpc', 'websocket'] as const;
const CASES = PROTOCOLS.flatMap((protocol) => [1, 64].map((texts) => ({ protocol, texts })));
const CLIENT = new URL('./protocol-client.ts', import.meta.url);

interface Running {
  readonly pid: number;
  readonly ports: Readonly<Record<(typeof PROTOCOLS)[number], number>>;
  stop(): Promise<unknown>;
}

/**
 * Requests per second by protocol with a model that costs nothing, the client in a process of its own: 32 connections on
 * HTTP, one stream with 32 in flight on the others. Beside it the Python server with the same flow, where its environment
 * can be made (Python 3.10 on the PATH): start, memory and rates of both, and the ratios.
 */
export async function protocolsBench(): Promise<Record<string, number | string>> {
  const model = await testModel('pad', { attentionMask: true });
  const python = await pythonServer();
  const contenders: Record<string, () => Promise<Running>> = {
    ours: async () => (await startBuiltServer(model, 1, { ports: await freePorts(PROTOCOLS) })) as Running,
    ...(python && { python: () => python(model) }),
  };
  const figures: Record<string, number[]> = {};
  for (let start = 0; start < STARTS; start++)
    for (const [name, open] of Object.entries(contenders)) {
      const began = performance.now();
      const server = await open();
      push(figures, `${name}_start_s`, (performance.now() - began) / 1000);
      await server.stop();
    }
  const servers: { readonly name: string; readonly server: Running }[] = [];
  try {
    for (const [name, open] of Object.entries(contenders)) servers.push({ name, server: await open() });
    for (const { name, server } of servers) push(figures, `${name}_idle_mb`, memoryMb(server.pid));
    for (let round = 0; round < ROUNDS; round++)
      for (const { protocol, texts } of CASES)
        for (const { name, server } of servers)
          push(figures, `${name}_${protocol}_${texts}`, await load(server, protocol, texts));
    for (const { name, server } of servers) push(figures, `${name}_loaded_mb`, memoryMb(server.pid));
  } finally {
    for (const { server } of servers) await server.stop();
  }
  return summary(figures);
}

function push(figures: Record<string, number[]>, name: string, value: number): void {
  figures[name] ??= [];
  figures[name].push(value);
}

/** Medians, and ours as a multiple of Python's. */
function summary(figures: Record<string, number[]>): Record<string, number | string> {
  const all: Record<string, number | string> = {};
  for (const [name, values] of Object.entries(figures)) all[name] = median(values);
  for (const name of Object.keys(figures)) {
    const twin = figures[name.replace(/^ours/, 'python')];
    if (name.startsWith('ours') && twin)
      all[name.replace(/^ours/, 'ratio')] = median(figures[name]!) / median(twin);
  }
  return all;
}

async function pythonServer() {
  try {
    return await startPython();
  } catch (error) {
    process.stderr.write(`without the Python server: ${(error as Error).message}\n`);
    return undefined;
  }
}

async function load(
  { ports }: Running,
  protocol: (typeof PROTOCOLS)[number],
  texts: number,
): Promise<number> {
  const args = [protocol, ports[protocol], texts, IN_FLIGHT, SECONDS].map(String);
  const child = fork(CLIENT, args, { execArgv: ['--import', 'tsx'] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the client (${args.join(' ')}) ended with ${code} before it had a result`);
  });
  const [rate] = (await Promise.race([once(child, 'message'), ended])) as [number];
  return rate;
}

/** MB of a process and those that it started: what each has of its own, and the mapped files of the largest. */
function memoryMb(pid: number): number {
  const all = family(pid).map((member) => {
    const status = readFileSync(`/proc/${member}/status`, 'utf8');
    const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]);
    return { anonymous: kb('RssAnon') + kb('RssShmem'), files: kb('RssFile') };
  });
  const own = all.reduce((sum, { anonymous }) => sum + anonymous, 0);
  return (own + Math.max(...all.map(({ files }) => files))) / 1000;
}

function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}
