import { untilAborted } from '../../abort.ts';
import { ClipError } from '../../errors.ts';
import type { Context } from '../../service/item.ts';
import type { Site } from '../site.ts';
import type { Clock } from './clock.ts';
import { type Execution, execute } from './execute.ts';
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
}

/**
 * Runs one request of any protocol. Never rejects: what goes wrong is the answer's `error`.
 *
 * `settled` resolves when the work on its behalf has really ended, which is later than the answer where the client left.
 */
export function answer(
  { config, service }: Pick<Site, 'config' | 'service'>,
  request: JinaRequest,
  { context, clock, perDocument }: AnswerOptions,
): { readonly answer: Promise<Answer>; readonly settled: Promise<unknown> } {
  const started = clock.now();
  const finish = (run: Execution | ClipError): Answer => {
    const now = clock.now();
    const thrown = run instanceof ClipError;
    const failure = thrown ? { error: run, failed: 'request' as const } : run.failure;
    const ended = thrown || run.ran ? now : undefined;
    const routes = routesOf(
      config.executor.name,
      { received: clock.opened, started, ended, now },
      failure?.error,
    );
    return { request, ...failure, routes };
  };
  const work = execute(request, config.executor, service, context, perDocument);
  return {
    answer: untilAborted(work, context.signal).then(finish, (thrown) => finish(ClipError.from(thrown))),
    settled: work.catch(() => {}),
  };
}
