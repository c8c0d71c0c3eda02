import { unescapeAny } from './entities.ts';
import { repairText } from './repair.ts';

/** ASCII without `&` and without control characters other than white space: nothing to repair. */
const CLEAN = /^[\t\n\f\r -%'-~]*$/;

/**
 * Text as OpenAI's CLIP was trained on it: repaired as ftfy does, character references resolved twice, lower case.
 * White space is left as it is: it separates words and is never part of one.
 *
 * @throws ClipError invalid_request where the repair meets too many layers of faults
 */
export function cleanText(text: string): string {
  if (CLEAN.test(text)) return text.toLowerCase();
  return unescapeAny(unescapeAny(repairText(text))).toLowerCase();
}
