import type { ExecutorConfig } from '../../config/config.ts';
import { ClipError } from '../../errors.ts';
import { readForm } from '../../service/form.ts';
import type { Context, EmbeddingService, Item, RankedGroup } from '../../service/item.ts';
import { type Shaped, shape, shapeOutcomes } from '../../service/shape.ts';
import type { Document } from './document.ts';
import { encodeParameters } from './parameters.ts';
import type { JinaRequest } from './request.ts';
import { targets } from './target.ts';
import { toItem } from './to-item.ts';
import { traced } from './traced.ts';
import { selectDocuments } from './traversal.ts';

/** What a request is for. */
export interface Destination {
  /** Of the flow; the one that stands for all others is `/default`. */
  readonly endpoint: string;
  readonly method: 'encode' | 'rank';
}

export interface ExecuteOptions {
  readonly executor: Executor;
  readonly service: EmbeddingService;
  readonly context: Context;
  /** Keep the documents that succeeded when others fail; they carry `error`. */
  readonly perDocument: boolean;
}

/** Set where documents failed and the caller asked for the others nevertheless. */
export type Failure = { readonly error: ClipError; readonly failed: 'all' | 'some' } | undefined;

export interface Executed {
  readonly failure?: Failure;
  /** What the client should know of what it asked for. */
  readonly warning?: string;
}

export type Executor = Pick<ExecutorConfig, 'name' | 'accessPaths' | 'endpoints' | 'minibatchSize'>;

/**
 * Endpoints match exactly; whatever is bound to nothing falls to the default, which is encode.
 *
 * @returns undefined where `target_executor` names another deployment
 * @throws ClipError of a request that is not to be worked on
 */
export function destinationOf(request: JinaRequest, { name, endpoints }: Executor): Destination | undefined {
  const { endpoint = '/', targetExecutor, fault } = request;
  if (fault) throw fault;
  if (targetExecutor && !targets(targetExecutor, name, ['body', 'target_executor'])) return undefined;
  const method = endpoints.get(endpoint) ?? (endpoint === '/rank' ? 'rank' : undefined);
  if (method) return { endpoint, method };
  return { endpoint: '/default', method: endpoints.get('/default') ?? 'encode' };
}

/**
 * Runs one request as the reference's executor does, and writes the results into its documents. Nothing is written
 * before everything is known, so after a throw the documents are as they came.
 *
 * @throws ClipError of the first item that failed, without `perDocument`; of faults that concern the whole request
 */
export async function execute(
  request: JinaRequest,
  method: Destination['method'],
  options: ExecuteOptions,
): Promise<Executed> {
  if (request.documents.length === 0) return {};
  return method === 'encode' ? encode(request, options) : rank(request, options);
}

async function encode({ documents, parameters }: JinaRequest, options: ExecuteOptions): Promise<Executed> {
  const { executor, service, context, perDocument } = options;
  const read = encodeParameters(parameters, executor.name, executor.accessPaths);
  const { own, accessPaths, dropImageContent } = read;
  const form = readForm(own, service.describe());
  const { warning } = form;
  const owners: Document[] = [];
  const items: Item[] = [];
  for (const document of selectDocuments(documents, accessPaths)) {
    const item = toItem(document);
    if (!item) continue;
    owners.push(document);
    items.push(item);
  }
  if (items.length === 0) return { warning };
  context.permit.addItems(items.length);
  const outcomes = await traced(options, { items, dropImageContent }, (context) =>
    service.encode(items, context),
  );
  if (outcomes.length !== items.length)
    throw new ClipError(
      'internal',
      `expected ${items.length} outcomes from the service, got ${outcomes.length}`,
    );
  const shaped = await shapeOutcomes(outcomes, form);
  const errors = shaped.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
  const first = errors[0];
  if (first && !perDocument) throw first;
  for (const [i, document] of owners.entries()) {
    const outcome = shaped[i]!;
    if ('error' in outcome) {
      document.error = outcome.error;
      document.embedding = undefined;
    } else embed(document, outcome.vector, dropImageContent);
  }
  if (!first) return { warning };
  const message = `${errors.length} of ${items.length} documents failed: ${first.message}`;
  const failed = errors.length === items.length ? 'all' : 'some';
  return { failure: { error: new ClipError(first.code, message), failed }, warning };
}

function embed(document: Document, vector: Shaped | undefined, dropImageContent: boolean): void {
  document.embedding = vector?.data instanceof Float32Array && !vector.base64 ? vector.data : vector;
  if (document.text) document.mimeType = 'text/plain';
  else if (dropImageContent) {
    document.blob = undefined;
    document.tensor = undefined;
  }
}

/**
 * `drop_image_content` and access paths have no effect on rank in the reference, and none here. The form is that of the roots'
 * vectors; what is ranked are the engine's.
 */
async function rank({ documents, parameters }: JinaRequest, options: ExecuteOptions): Promise<Executed> {
  const { executor, service, context } = options;
  const { own } = encodeParameters(parameters, executor.name, executor.accessPaths);
  const form = readForm(own, service.describe());
  const groups = documents.map((document, i) => ({
    query: contentOf(document, `document ${i}`),
    matches: (document.matches ?? []).map((match, j) => contentOf(match, `match ${j} of document ${i}`)),
  }));
  const empty = groups.findIndex(({ matches }) => matches.length === 0);
  if (empty >= 0)
    throw new ClipError('rank_failed', `expected at least one match, got none in document ${empty}`);
  const items = groups.flatMap(({ query, matches }) => [query, ...matches]);
  context.permit.addItems(items.length);
  const ranked = await traced(options, { items, dropImageContent: false }, (context) =>
    service.rank(groups, context),
  );
  if (
    ranked.length !== groups.length ||
    ranked.some(({ matches }, i) => !isOrder(matches, groups[i]!.matches))
  )
    throw new ClipError('internal', 'expected every match once in the ranking, got something else');
  const queries = ranked.map(({ query }) => shape(query, form));
  for (const [i, document] of documents.entries()) placeRanking(document, queries[i]!, ranked[i]!.matches);
  return { warning: form.warning };
}

function contentOf(document: Document, where: string): Item {
  const item = toItem(document);
  if (!item) throw new ClipError('rank_failed', `expected a text or an image, got neither in ${where}`);
  return item;
}

function isOrder(ranked: RankedGroup['matches'], matches: readonly Item[]): boolean {
  return (
    ranked.length === matches.length && new Set(ranked.map(({ index }) => index)).size === matches.length
  );
}

/** Roots keep their embedding, matches lose it and take both scores. */
function placeRanking(root: Document, query: Shaped, matches: RankedGroup['matches']): void {
  const before = root.matches!;
  embed(root, query, false);
  root.matches = matches.map(({ index, score, cosine }) => {
    const match = before[index]!;
    embed(match, undefined, false);
    match.scores = {
      ...match.scores,
      clip_score: { value: Math.fround(score), opName: 'softmax' },
      clip_score_cosine: { value: Math.fround(cosine), opName: 'cosine' },
    };
    return match;
  });
}
