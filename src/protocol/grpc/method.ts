import { ClipError } from '../../errors.ts';
import type { GrpcCall } from './call.ts';

/** One method of a service. */
export interface Method {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Answered even where logs leave out health checks. */
  readonly probe: boolean;
  /** Answered without an API key: it tells no more than whether the server lives and is ready. */
  readonly open?: boolean;
  /** True where it counts its requests itself, one by one. */
  readonly counts: boolean;
  /** Resolves when the call has its answer. @throws ClipError that the call ends with */
  serve(call: GrpcCall): Promise<void>;
}

/** A method with one message each way. */
export function unary(path: string, answer: (message: Buffer) => Uint8Array): Method {
  return {
    path,
    probe: true,
    counts: false,
    serve: async (call) => await call.send(await call.pack(answer(await onlyMessage(call)))),
  };
}

/** @throws ClipError invalid_request where there is none */
export async function onlyMessage(call: GrpcCall): Promise<Buffer> {
  const { value } = await call.next();
  if (value === undefined) throw new ClipError('invalid_request', 'expected one message, got none');
  return value;
}
