import { untilAborted } from '../../abort.ts';
import { ClipError } from '../../errors.ts';
import type { Passage } from '../../observe/passage.ts';
import type { Context } from '../../service/item.ts';
import type { Site } from '../site.ts';
import type { Clock } from './clock.ts';
import { destinationOf, type Executed, execute } from './execute.ts';
import type { JinaRequest } from './request.ts';
import { type Route, routesOf } from './response.ts';

/** A request that was worked on; its documents carry the results. */
export interface Answer {
  readonly request: JinaRequest;
  readonly error?: ClipError;
  /** What the error is of: the whole request, whose documents are as they came; or each, or some, of its documents. */
  readonly failed?: 'request' | 'all' | 'some';
  readonly routes: readonly Route[];
}

/** The answer to a request that was not worked on. */
export function refused(request: JinaRequest, error: ClipError): Answer {
  return { request, error, failed: 'request', routes: [] };
}

export interface AnswerOptions {
  readonly context: Context;
  /** Opened when the request began to arrive. */
  readonly clock: Clock;
  /** Keep the documents that succeeded when others fail; they carry `error`. */
  readonly perDocument: boolean;
  /** Where the request is counted; the caller tells it how the reply ended. */
  readonly passage: Passage;
}

/** Key of an answer's parameters. */
const WARNINGS = '__warnings__';
/** The reference's call from gateway to executor; here it is the hand-over. */
const HOP = '/jina.JinaSingleDataRequestRPC/process_single_data';

/**
 * Runs one request of any protocol. Never rejects: what goes wrong is the answer's `error`.
 *
 * `settled` resolves when the work on its behalf has really ended, which is later than the answer where the client left.
 */
export function answer(
  site: Pick<Site, 'config' | 'service'>,
  request: JinaRequest,
  options: AnswerOptions,
): { readonly answer: Promise<Answer>; readonly settled: Promise<unknown> } {
  const { context, clock } = options;
  const started = clock.now();
  const finish = (run: Execution | ClipError): Answer => {
    const now = clock.now();
    const thrown = run instanceof ClipError;
    const failure = thrown ? { error: run, failed: 'request' as const } : run.failure;
    const warning = thrown ? undefined : run.warning;
    const ended = thrown || run.ran ? now : undefined;
    const routes = routesOf(
      site.config.executor.name,
      { received: clock.opened, started, ended, now },
      failure?.error,
    );
    return { request: warning ? warned(request, warning) : request, ...failure, routes };
  };
  const work = run(site, request, options);
  return {
    answer: untilAborted(work, context.signal).then(finish, (thrown) => finish(ClipError.from(thrown))),
    settled: work.catch(() => {}),
  };
}

interface Execution extends Executed {
  /** False where the request is not for this executor: its documents are as they came. */
  readonly ran: boolean;
}

/** Beside the parameters, which go back to the client: where executors of Jina's leave their results too. */
function warned(request: JinaRequest, warning: string): JinaRequest {
  return { ...request, parameters: { ...request.parameters, [WARNINGS]: [warning] } };
}

async function run(
  { config, service }: Pick<Site, 'config' | 'service'>,
  request: JinaRequest,
  options: AnswerOptions,
): Promise<Execution> {
  const destination = destinationOf(request, config.executor);
  if (!destination) return { ran: false };
  const { endpoint = '/', documents } = request;
  const done = options.passage.handOver(endpoint, destination.endpoint);
  const hop = options.context.trace?.child(HOP);
  const method = hop?.child(destination.endpoint);
  const context = method ? { ...options.context, trace: method } : options.context;
  const count = documents.length;
  let failed = true;
  try {
    const { executor } = config;
    const { perDocument } = options;
    const executed = await execute(request, destination.method, {
      executor,
      service,
      context,
      perDocument,
    });
    failed = executed.failure !== undefined;
    return { ran: true, ...executed };
  } catch (error) {
    method?.end(error);
    throw error;
  } finally {
    done({ failed, documents: count });
    method?.end();
    hop?.end();
  }
}
