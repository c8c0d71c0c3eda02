import { createRequire } from 'node:module';
import { integer, message, text } from '../model/onnx/encode.ts';

/** Of the package that is installed. Does not load it. */
export function onnxRuntimeVersion(): string {
  return createRequire(import.meta.url)('onnxruntime-node/package.json').version;
}

/** Opens the smallest graph by the provider. ONNX Runtime may end the process. */
export async function opens(provider: 'cpu' | 'cuda'): Promise<{ readonly error?: string }> {
  const { env, InferenceSession } = await import('onnxruntime-node');
  // What goes wrong is thrown as well.
  env.logLevel = 'fatal';
  try {
    await InferenceSession.create(identity(), { executionProviders: [provider] });
    return {};
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** A graph that gives a float as it takes it. Field numbers: onnx.proto3. */
function identity(): Uint8Array {
  const float = message(1, [integer(1, 1), message(2, [message(1, [integer(1, 1)])])]);
  const value = (field: number, name: string) => message(field, [text(1, name), message(2, [float])]);
  const node = message(1, [text(1, 'x'), text(2, 'y'), text(4, 'Identity')]);
  const graph = message(7, [node, text(2, 'identity'), value(11, 'x'), value(12, 'y')]);
  return Buffer.concat([integer(1, 8), graph, message(8, [integer(2, 17)])]);
}
