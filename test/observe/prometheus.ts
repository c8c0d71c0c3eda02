import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

/** Why tests with a real Prometheus cannot run here; false where they can. */
export const skipPrometheus: string | false = (() => {
  try {
    for (const tool of ['prometheus', 'promtool']) execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'Prometheus is not installed (Debian: apt-get install prometheus)';
  }
})();

const START_MS = 30_000;
const QUERY_MS = 10_000;

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  query(text: string): Promise<Sample[]>;
  /** Grafana's `label_values(series, label)`. */
  labelValues(series: string, label: string): Promise<string[]>;
  /** What went wrong at the last scrape of each job; empty where nothing did. */
  scrapeErrors(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

/** A Prometheus of its own on the loopback interface, which scrapes each job's port every second. */
export async function startPrometheus(jobs: Readonly<Record<string, number>>): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-prometheus-'));
  const config = join(folder, 'prometheus.yml');
  const scrapes = Object.entries(jobs).map(([job, port]) => ({
    job_name: job,
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
  }));
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: scrapes }));
  const options = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`];
  const child = spawn('prometheus', [...options, '--web.listen-address=127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const api = `http://127.0.0.1:${await portOf(child)}/api/v1`;
  const get = async (path: string, parameters: Record<string, string> = {}) => {
    const response = await fetch(`${api}/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(QUERY_MS),
    });
    const { data, error } = (await response.json()) as { data: unknown; error?: string };
    if (error) throw new Error(error);
    return data;
  };
  return {
    async query(text) {
      const { result } = (await get('query', { query: text })) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    labelValues: async (series, label) =>
      (await get(`label/${label}/values`, { 'match[]': series })) as string[],
    async scrapeErrors() {
      const { activeTargets } = (await get('targets')) as {
        activeTargets: { labels: { job: string }; health: string; lastError: string }[];
      };
      const wrong = activeTargets.filter(({ health }) => health !== 'up');
      return Object.fromEntries(
        wrong.map(({ labels, health, lastError }) => [labels.job, lastError || health]),
      );
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** Its listener and its storage begin side by side, so that the two lines come in either order. */
function portOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`Prometheus ${why} before it was ready`));
    };
    const late = setTimeout(() => fail(`took longer than ${START_MS} ms`), START_MS);
    child.once('exit', () => {
      clearTimeout(late);
      fail('ended');
    });
    let port: string | undefined;
    let ready = false;
    // Goes on to the end: a full pipe would stop Prometheus.
    createInterface({ input: child.stderr! }).on('line', (line) => {
      port ??= /Listening on" address=127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      ready ||= line.includes('ready to receive web requests');
      if (port === undefined || !ready) return;
      clearTimeout(late);
      resolve(port);
    });
  });
}

/** Asks again until the answer will do, at most for half a minute. */
export async function until<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (let turn = 0; ; turn++) {
    const answer = await ask();
    if (enough(answer)) return answer;
    if (turn === 300) throw new Error(`still ${JSON.stringify(answer)}`);
    await wait(100);
  }
}
