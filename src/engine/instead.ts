import { type Config, ConfigError } from '../config/config.ts';

/** Why ONNX Runtime serves a flow that asks for TensorRT. */
export interface Instead {
  /** The host lacks something, or no plan was to be had for a tower. */
  readonly reason: 'host' | 'plan';
  /** A clause. */
  readonly words: string;
}

/** @throws ConfigError where the flow takes nothing but TensorRT */
export function refuseWithoutFallback({ origin, executor }: Config, { words }: Instead): void {
  if (executor.fallback) return;
  throw new ConfigError(
    `${origin}: fallback: false asks for TensorRT alone, which cannot serve here: ${words}; without the key ONNX Runtime serves the flow`,
  );
}
