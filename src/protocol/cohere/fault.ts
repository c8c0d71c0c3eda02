import { ClipError } from '../../errors.ts';
import { refusalReply } from '../http/fault.ts';
import type { Reply } from '../http/server.ts';
import { openAiStatus } from '../openai/fault.ts';

/** Whether a path is of the second version of Cohere's API, served or not. */
export function isCoherePath(path: string): boolean {
  return path.startsWith('/v2/');
}

/** Cohere's answer to a request that failed. Its statuses are those of OpenAI; `code` is ours, which its clients pass on. */
export function cohereFault(thrown: unknown): Reply {
  const error = ClipError.from(thrown);
  const { code, message, kind } = error;
  return refusalReply(error, openAiStatus(code, kind.http), { message, code });
}
