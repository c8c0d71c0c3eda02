import { ClipError } from '../../errors.ts';
import type { PageFile } from '../../playground/page-files.ts';
import type { Playground } from '../../playground/playground.ts';
import { FieldError } from '../jina/field-error.ts';
import { parseJson } from '../jina/json.ts';
import { countFault } from '../limit.ts';
import type { Site } from '../site.ts';
import { bodyCoding } from './coding.ts';
import { bytesReply, jsonReply } from './fault.ts';
import type { Route } from './route.ts';
import type { HttpRequest, Reply } from './server.ts';

/** Bytes of a vector as JSON: far beyond any model's. */
const VECTOR_BYTES = 1024 * 1024;
/** Levels of `{"vector": […]}`, with one to spare for a better message. */
const VECTOR_DEPTH = 3;
/** Pictures that one search gives back. */
const MOST_MATCHES = 96;

/** Everything comes from this server, in files: an injected script or style has no way to run. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const SAFE = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** True for a browser that opens a page; clients of the API ask for JSON or for anything. */
export function wantsPage({ headers }: HttpRequest): boolean {
  return /(?:^|,)\s*text\/html\s*(?:,|$|;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))/i.test(headers.get('accept') ?? '');
}

/** The page itself. */
export function pageReply(request: HttpRequest, { page }: Playground): Reply {
  const reply = fileReply(request, page.get('index.html')!);
  return { ...reply, headers: { ...reply.headers, vary: 'accept' } };
}

/** What the page asks for, beside the routes that any client uses. What anybody may have who has this program asks for no key. */
export function playgroundRoutes(site: Site, playground: Playground): Route[] {
  const { page, gallery } = playground;
  const folder = `/playground/pictures/${gallery.pictures.digest}/`;
  const names = Buffer.from(JSON.stringify(gallery.pictures.names));
  const files = [
    ...[...page].map(([name, file]) =>
      get(`/playground/${name}`, 'A file of the playground.', (request) => fileReply(request, file)),
    ),
    get(`${folder}*`, 'A picture of the gallery.', ({ path }) =>
      kept('image/webp', pictureAt(playground, path.slice(folder.length))),
    ),
    get(`/playground/names/${gallery.pictures.digest}`, "The pictures' names.", () =>
      kept('application/json', names),
    ),
  ];
  return [
    ...files.map((route) => ({ ...route, open: true })),
    get('/playground/state', 'Model and gallery.', () => jsonReply(200, stateOf(site, playground))),
    nearestRoute(site, playground),
  ];
}

function get(path: string, summary: string, reply: (request: HttpRequest) => Reply): Route {
  return {
    path,
    methods: ['GET'],
    summary,
    probe: true,
    serve: async (call) => ((await call.send(reply(call.request))) ? 'ok' : 'cancelled'),
  };
}

function fileReply({ headers }: HttpRequest, { type, body, etag }: PageFile): Reply {
  const caching = { etag, 'cache-control': 'no-cache' };
  const known = headers.get('if-none-match')?.split(',') ?? [];
  if (known.some((tag) => tag.trim() === etag))
    return { status: 304, headers: caching, body: Buffer.alloc(0) };
  return bytesReply(200, type, body, { ...SAFE, ...caching });
}

/** What its address names for ever. */
function kept(type: string, body: Uint8Array): Reply {
  const caching = { 'cache-control': 'public, max-age=31536000, immutable' };
  return bytesReply(200, type, body, { 'x-content-type-options': 'nosniff', ...caching });
}

function pictureAt({ gallery }: Playground, number: string): Buffer {
  const file = /^\d{1,6}$/.test(number) ? gallery.pictures.files[Number(number)] : undefined;
  if (file) return file;
  throw new ClipError('not_found', `expected a picture below ${gallery.pictures.files.length}`);
}

function stateOf({ health, service, version }: Site, { gallery }: Playground): object {
  const { ready, reasons } = health.ready();
  const state = { ready, reasons, version, gallery: gallery.look() };
  if (!ready) return state;
  const { model, runtime, device, precision, width, resolution } = service.describe();
  return { ...state, model: { name: model, runtime, device, precision, width, resolution } };
}

/** Ranks the gallery by a vector that `/encode` gave, or by a sum of such. */
function nearestRoute(site: Site, { gallery }: Playground): Route {
  return {
    path: '/playground/nearest',
    methods: ['POST'],
    summary: 'Pictures of the gallery that are closest to a vector.',
    serve: async ({ request, send }) => {
      const { vector, limit } = await readQuery(site, request);
      const matches = gallery.nearest(vector, limit);
      return (await send(jsonReply(200, { matches }))) ? 'ok' : 'cancelled';
    },
  };
}

async function readQuery(
  { metrics }: Site,
  request: HttpRequest,
): Promise<{ vector: readonly number[]; limit: number }> {
  try {
    const coding = bodyCoding(request.headers.get('content-encoding'));
    const { signal } = request;
    const body = await request.body({ limit: VECTOR_BYTES, count: () => {}, coding, signal });
    const parsed = parseJson(body, VECTOR_DEPTH);
    const { vector, limit = MOST_MATCHES } = (parsed ?? {}) as Record<string, unknown>;
    if (!Array.isArray(vector) || !vector.every((value) => typeof value === 'number'))
      throw new FieldError(['body', 'vector'], 'expected a list of numbers', 'type_error.list');
    if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > MOST_MATCHES)
      throw new FieldError(
        ['body', 'limit'],
        `expected a whole number from 1 to ${MOST_MATCHES}`,
        'type_error.integer',
      );
    return { vector, limit: limit as number };
  } catch (error) {
    countFault(metrics, error);
    throw error;
  }
}
