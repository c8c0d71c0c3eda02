import type { Item } from '../../service/item.ts';
import type { Document } from './document.ts';

/** What a document asks to be embedded: its text, else its picture; undefined where it holds neither. */
export function toItem({ text, blob, tensor, uri }: Document): Item | undefined {
  if (text) return { kind: 'text', text };
  if (blob && blob.length > 0) return { kind: 'image', bytes: blob };
  if (tensor) return { kind: 'tensor', tensor };
  return uri ? { kind: 'uri', uri } : undefined;
}
