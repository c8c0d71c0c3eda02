import type { Config } from '../config/config.ts';
import type { LostCause } from '../engine/engine.ts';
import type { FoundTensorRt } from '../host/verdict.ts';

/** Exit code of a serving process that lost its GPU and has to be started anew: EX_TEMPFAIL of sysexits.h. */
export const GPU_LOST = 75;

/** Why a serving process was started anew. `crashed` is by a signal, `failed` any other end that nobody asked for. */
type RestartCause = LostCause | 'crashed' | 'failed';

/** How often each cause has led to a restart, since the supervisor began. */
export type Restarts = Readonly<Record<RestartCause, number>>;

/** What a serving process gets to do. */
export interface Task {
  readonly config: Config;
  readonly tensorrt: FoundTensorRt;
  readonly restarts: Restarts;
}

/** The supervisor's words. `stop` lets what is in flight finish; `reload` looks for replaced certificates. */
export type ToServing = Task | 'stop' | 'reload';

/** A serving process's words: that it takes requests; how and why it lost the GPU, or failed, before it ends for that. */
export type FromServing = 'serves' | { readonly lost?: LostCause; readonly why: string };
