import type { Context, Item } from '../../service/item.ts';
import type { ExecuteOptions } from './execute.ts';

/** Runs the work on the items within the spans that the reference's encoder makes, under its names and attributes. */
export async function traced<T>(
  { executor, service, context }: ExecuteOptions,
  { items, dropImageContent }: { readonly items: readonly Item[]; readonly dropImageContent: boolean },
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const { trace } = context;
  if (!trace) return work(context);
  const { device, runtime } = service.describe();
  const encode = trace.child('encode', { device, runtime: runtime === 'onnxruntime' ? 'onnx' : runtime });
  const inference = encode.child('inference', {
    drop_image_content: dropImageContent,
    minibatch_size: executor.minibatchSize,
    has_img_da: items.some(({ kind }) => kind !== 'text'),
    has_txt_da: items.some(({ kind }) => kind === 'text'),
  });
  try {
    return await work({ ...context, trace: inference });
  } catch (error) {
    inference.end(error);
    encode.end(error);
    throw error;
  } finally {
    inference.end();
    encode.end();
  }
}
