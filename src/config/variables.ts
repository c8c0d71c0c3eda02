import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LogConfig } from './config.ts';
import type { Findings } from './findings.ts';
import type { MapNode } from './node.ts';
import { accepted, type Given, honoured, Section } from './section.ts';
import {
  ANY,
  BOOLEAN,
  choice,
  FILE,
  integer,
  listOf,
  PRESENCE,
  SECRETS,
  type ValueType,
  WORD,
} from './values.ts';

const LEVELS: Readonly<Record<string, LogConfig['level']>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  SUCCESS: 'info',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
};
const LEVEL_NAMES = choice(Object.keys(LEVELS));
const LEVEL: ValueType<LogConfig['level']> = {
  expected: LEVEL_NAMES.expected,
  read(node, warn) {
    const name = LEVEL_NAMES.read(node, warn);
    return name === undefined ? undefined : LEVELS[name];
  },
};
/** A switch as environments write it; the empty text is off. */
const SWITCH: ValueType<boolean> = {
  expected: '1, 0, true, false, yes, no, on or off',
  read(node) {
    const word = node.kind === 'scalar' ? node.text.trim().toLowerCase() : undefined;
    if (word === undefined || !/^(1|0|true|false|yes|no|on|off)$/.test(word)) return undefined;
    return /^(1|true|yes|on)$/.test(word);
  },
};
const THREADS: ValueType<number> = {
  expected: integer(1, 4096).expected,
  // OpenMP's form for nested regions is a list; the outermost counts here.
  read: (node, warn) => listOf(integer(1, 4096)).read(node, warn)?.[0],
};
const NO_TELEMETRY = 'nothing is reported to anyone';
const ONE_PROCESS = 'a setting of Python’s processes';

/** The environment variables that are read here. A variable of `env` in the flow comes before the process's own. */
export const VARIABLES = {
  JINA_LOG_LEVEL: honoured(LEVEL, 'info', 'Least severe line that is logged.'),
  JINA_LOG_CONFIG: honoured(
    WORD,
    undefined,
    '`json` writes JSON, `quiet` nothing; other values change nothing.',
  ),
  JINA_DEFAULT_HOST: honoured(
    WORD,
    process.platform === 'win32' ? '127.0.0.1' : '0.0.0.0',
    'Address to listen on, where `with.host` is not set.',
    { defaultNote: '0.0.0.0 (127.0.0.1 on Windows)' },
  ),
  JINA_RANDOM_PORT_MIN: honoured(
    integer(1, 65535),
    49152,
    'Least port that is chosen where the flow sets none.',
  ),
  JINA_RANDOM_PORT_MAX: honoured(integer(1, 65535), 65535, 'Greatest port that is chosen.'),
  OMP_NUM_THREADS: honoured(THREADS, undefined, 'CPU threads for all replicas together.', {
    defaultNote: 'the machine’s cores',
  }),
  CUDA_VISIBLE_DEVICES: honoured(WORD, undefined, 'Devices that CUDA sees, or `RR…`: see “Devices”.', {
    defaultNote: 'all',
  }),
  CUDA_TOTAL_DEVICES: honoured(integer(0), 0, 'Devices for `RR…`, where `nvidia-smi` does not run.'),
  CICD_JINA_DISABLE_HEALTHCHECK_LOGS: honoured(
    PRESENCE,
    undefined,
    'Its presence leaves health requests out of the log.',
    { defaultNote: 'not set' },
  ),
  JINA_DISABLE_HEALTHCHECK_LOGS: honoured(PRESENCE, undefined, 'Older name of the former.', {
    defaultNote: 'not set',
  }),
  CLIP_SERVER_CACHE: honoured(
    FILE,
    undefined,
    'Directory of the model files, where `with.files.cache` is not set.',
    { defaultNote: '`~/.cache/clip`' },
  ),
  CLIP_ENGINE_CACHE: honoured(
    FILE,
    undefined,
    'Directory of the TensorRT engines that were built, where `with.files.engines` is not set.',
    { defaultNote: '`engines` in the directory of the model files' },
  ),
  CLIP_SERVER_SOURCES: honoured(
    listOf(WORD),
    undefined,
    'Base URLs of model files with `,` between, where `with.files.sources` is not set.',
    { defaultNote: 'the built-in list' },
  ),
  CLIP_SERVER_OFFLINE: honoured(SWITCH, false, 'Downloads nothing, where `with.files.offline` is not set.'),
  HF_HUB_OFFLINE: honoured(SWITCH, false, 'As `CLIP_SERVER_OFFLINE`.'),
  CLIP_SERVER_API_KEYS: honoured(
    SECRETS,
    undefined,
    'API keys with `,` between, where neither `with.api_keys` nor `with.api_keys_file` is set.',
    { defaultNote: 'none' },
  ),
  CLIP_SERVER_ENDPOINTS: honoured(
    FILE,
    undefined,
    'File that takes the addresses once they are served, one URL a line; `clip-server ready` reads it.',
    { defaultNote: 'none' },
  ),
  NO_VERSION_CHECK: accepted(ANY, undefined, 'no version is looked up'),
  JINA_OPTOUT_TELEMETRY: accepted(ANY, undefined, NO_TELEMETRY),
  JINA_HIDE_SURVEY: accepted(ANY, undefined, NO_TELEMETRY),
  JINA_DEFAULT_TIMEOUT_CTRL: accepted(ANY, undefined, 'there are no control messages between processes'),
  JINA_EARLY_STOP: accepted(BOOLEAN, undefined, 'a failed start always ends the process'),
  JINA_MP_START_METHOD: accepted(ANY, undefined, ONE_PROCESS),
  JINA_DISABLE_UVLOOP: accepted(ANY, undefined, ONE_PROCESS),
  JINA_FULL_CLI: accepted(ANY, undefined, 'there is one command line'),
  JINA_LOCKS_ROOT: accepted(ANY, undefined, ONE_PROCESS),
  JINA_STREAMER_ARGS: accepted(ANY, undefined, ONE_PROCESS),
  JINA_AUTH_TOKEN: accepted(ANY, undefined, 'for a hosting service'),
};

/** Where a variable was set: `env` in the flow, else the process. */
export class Environment {
  readonly #process: NodeJS.ProcessEnv;
  readonly #flow = new Map<string, Given<string>>();

  constructor(environment: NodeJS.ProcessEnv) {
    this.#process = environment;
  }

  /** Takes an `env` map of the flow over what was there before. */
  add(map: Given<MapNode> | undefined, findings: Findings): void {
    for (const { key: name, at, value } of map?.value.entries ?? []) {
      const key = `${map!.key}.${name}`;
      if (!/^[A-Za-z_]\w*$/.test(name))
        findings.fault(at, map!.key, 'expected names of letters, digits and _, got another');
      else if (value.kind !== 'scalar' || value.text.includes('\0'))
        findings.fault(at, key, `expected text, got a ${value.kind}`);
      else this.#flow.set(name, { value: value.text, at, key });
    }
  }

  /** Replaces one variable of the process with what the flow makes of it. */
  set(name: string, given: Given<string>): void {
    this.#flow.set(name, given);
  }

  get(name: string): Given<string> | undefined {
    const value = this.#process[name];
    const own = value === undefined ? undefined : { value, at: { origin: 'environment' }, key: name };
    return this.#flow.get(name) ?? own;
  }

  /** The flow's variables, for the process to set. */
  get additions(): Record<string, string> {
    return Object.fromEntries([...this.#flow].map(([name, { value }]) => [name, value]));
  }

  /** Both, as a child process would see them. */
  get all(): NodeJS.ProcessEnv {
    return { ...this.#process, ...this.additions };
  }

  /** Reads the table; a wrong value is a fault, the empty text is as good as none. */
  read(findings: Findings): Section<typeof VARIABLES> {
    const given = new Map<string, Given<unknown>>();
    for (const [name, { type, status }] of Object.entries(VARIABLES)) {
      const found = status === 'honoured' ? this.get(name) : undefined;
      if (found === undefined || (found.value === '' && !type.takesEmpty)) continue;
      const value = type.read({ kind: 'scalar', text: found.value, plain: true, at: found.at }, (remark) =>
        findings.warn(found.at, found.key, remark),
      );
      if (value === undefined)
        findings.fault(found.at, found.key, `expected ${type.expected}, got ${JSON.stringify(found.value)}`);
      else given.set(name, { ...found, value });
    }
    return new Section(VARIABLES, given);
  }

  /** An absolute path: `~` is the home directory, the rest is relative to `cwd`. */
  path(written: string, cwd: string): string {
    if (written !== '~' && !/^~[/\\]/.test(written)) return resolve(cwd, written);
    return join(this.get('HOME')?.value || homedir(), written.slice(1));
  }
}

export type Variables = Section<typeof VARIABLES>;
