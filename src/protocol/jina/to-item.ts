import { ClipError } from '../../errors.ts';
import type { Item, Tensor } from '../../service/item.ts';
import { type Document, Encoded } from './document.ts';
import { pictureOf } from './wire/nd-array.ts';

/**
 * What a document asks to be embedded: its text, else its picture; undefined where it holds neither.
 * @throws ClipError invalid_tensor with the document's id, where its tensor came encoded and is none of a picture
 */
export function toItem({ id, text, blob, tensor, uri }: Document): Item | undefined {
  if (text) return { kind: 'text', text };
  if (blob && blob.length > 0) return { kind: 'image', bytes: blob };
  const picture = tensor instanceof Encoded ? decodeTensor(tensor, id) : tensor;
  if (picture) return { kind: 'tensor', tensor: picture };
  return uri ? { kind: 'uri', uri } : undefined;
}

function decodeTensor(tensor: Encoded, id: string): Tensor | undefined {
  try {
    return pictureOf(tensor);
  } catch (error) {
    const { code, message } = ClipError.from(error);
    throw new ClipError(code, `document ${JSON.stringify(id.slice(0, 64))}: ${message}`, { cause: error });
  }
}
