import type { Config } from '../../src/config/config.ts';
import { DEFAULT_FETCH, DEFAULT_GRPC } from '../../src/config/config.ts';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { ClipError } from '../../src/errors.ts';
import type {
  Context,
  EmbeddingService,
  Item,
  Outcome,
  Permit,
  RankedGroup,
  RankGroup,
  RequestSize,
} from '../../src/service/item.ts';

function bytesOf(item: Item): Uint8Array {
  if (item.kind === 'text') return Buffer.from(item.text);
  if (item.kind === 'uri') return Buffer.from(item.uri);
  if (item.kind === 'image') return item.bytes;
  return Uint8Array.from(item.kind === 'tokens' ? item.ids : item.tensor.data);
}

/** As a model might count them: one for each word, and both ends. */
function tokensOf(item: Item): { tokens?: number } {
  if (item.kind === 'text') return { tokens: item.text.split(' ').length + 2 };
  return item.kind === 'tokens' ? { tokens: item.ids.length } : {};
}

/** Four numbers that tell which item they came from, and none of them whole. */
export function vectorOf(item: Item): Float32Array {
  const bytes = bytesOf(item);
  const sum = bytes.reduce((total, byte, i) => (total * 31 + byte * (i + 1)) % 99991, 7);
  return Float32Array.of(bytes.length + 0.5, sum + 0.25, item.kind.length + 0.125, -0.1);
}

/** A service without a model. Texts that start with `fail:` fail with the code that follows. */
export class FakeService implements EmbeddingService {
  /** Requests admitted and not yet released. */
  open = 0;
  admitted = 0;
  /** Releases that came after the first of the same permit. */
  doubleReleases = 0;
  readonly seen: Item[] = [];
  /** Where set, `admit` throws it. */
  refusal: ClipError | undefined;
  /** Awaited before each answer. */
  work: (context: Context) => Promise<void> = async () => {};

  /** Vectors that differ from `vectorOf`'s. */
  vector: (item: Item) => Float32Array | undefined = () => undefined;

  describe(): ReturnType<EmbeddingService['describe']> {
    return {
      runtime: 'fake',
      device: 'cpu',
      precision: 'fp32',
      width: 4,
      normalised: false,
      model: 'fake::model',
      aliases: ['fake', 'Fa/ke@1'],
      resolution: 224,
      contextLength: 77,
      logitScale: 100,
      matryoshkaDimensions: [],
    };
  }

  admit(): Permit {
    if (this.refusal) throw this.refusal;
    this.open += 1;
    this.admitted += 1;
    let released = false;
    return {
      addBytes: () => {},
      addItems: (count) => {
        if (count > 4096) throw new ClipError('too_many_items', 'expected at most 4096 items');
      },
      release: () => {
        if (released) this.doubleReleases += 1;
        else this.open -= 1;
        released = true;
      },
    };
  }

  async enter({ items, bytes }: RequestSize, signal: AbortSignal): Promise<Permit> {
    if (signal.aborted) throw ClipError.aborted(signal);
    const permit = this.admit();
    try {
      permit.addBytes(bytes);
      permit.addItems(items);
    } catch (error) {
      permit.release();
      throw error;
    }
    return permit;
  }

  async encode(items: readonly Item[], context: Context): Promise<Outcome[]> {
    this.seen.push(...items);
    await this.work(context);
    return items.map((item) => {
      const code = item.kind === 'text' ? /^fail:(\w+)/.exec(item.text)?.[1] : undefined;
      if (code) return { error: new ClipError(code as ClipError['code'], `expected no ${code}, got 'one'`) };
      return { vector: this.vector(item) ?? vectorOf(item), ...tokensOf(item) };
    });
  }

  /** Longer content ranks first. */
  async rank(groups: readonly RankGroup[], context: Context): Promise<RankedGroup[]> {
    await this.work(context);
    return groups.map(({ query, matches }) => ({
      query: vectorOf(query),
      matches: matches
        .map((match, index) => ({ index, score: vectorOf(match)[0]! / 100, cosine: 0.1 + index / 10 }))
        .sort((a, b) => b.score - a.score || a.index - b.index),
    }));
  }
}

type GatewayChange = Partial<Config['gateway']>;

/** Later than any test's own timeout, so that what one of these alone would end fails. */
const LATE_MS = 600_000;
const LATE = { headerMs: LATE_MS, sendMs: LATE_MS, heartbeatMs: LATE_MS, pongMs: LATE_MS };

export function testConfig(
  gateway: GatewayChange = {},
  limits: Partial<Config['limits']> = {},
  executor: Partial<Config['executor']> = {},
): Config {
  return {
    origin: 'test',
    name: 'flow',
    gateway: {
      host: '127.0.0.1',
      listeners: [],
      cors: false,
      apiKeys: [],
      prefetch: 1000,
      title: 'My Jina Service',
      description: 'A <service>.',
      debugEndpoints: true,
      crudEndpoints: true,
      exposedEndpoints: [],
      httpServer: 'auto',
      messageDeflate: false,
      httpCompression: 'auto',
      playground: true,
      keepAliveTimeoutMs: 5000,
      grpc: { ...DEFAULT_GRPC, keepaliveMs: LATE_MS },
      ...gateway,
    },
    executor: {
      name: 'clip_t',
      runtime: 'onnx',
      replicas: 1,
      model: 'fake',
      device: { kind: 'cpu', index: 0 },
      deviceIsExplicit: false,
      replicaDevices: [],
      minibatchSize: 32,
      rewrite: 'auto',
      fallback: true,
      canaryMs: 30_000,
      preprocessWorkers: 4,
      accessPaths: '@r',
      endpoints: new Map(),
      ...executor,
    },
    limits: { ...DEFAULT_LIMITS, ...LATE, ...limits },
    fetch: DEFAULT_FETCH,
    files: { cache: '/nowhere', offline: true },
    engines: { folder: '/nowhere', maxBytes: 1, waitMs: 1, buildMs: 1000 },
    log: { level: 'silent', format: 'json', healthRequests: false },
    telemetry: {},
    environment: {},
    warnings: [],
  };
}
