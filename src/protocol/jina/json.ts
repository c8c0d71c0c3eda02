import { isUtf8 } from 'node:buffer';
import { ClipError } from '../../errors.ts';
import { FieldError } from './field-error.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * A request body as JSON. Depth is counted on the bytes before anything is built, so that a body of nothing but
 * brackets costs one short scan.
 *
 * @throws ClipError too_deep; FieldError invalid_json with the position where the parser stopped, when it says so
 */
export function parseJson(body: Buffer, maxDepth: number): unknown {
  if (body.length === 0)
    throw new FieldError(['body'], 'expected a JSON object, got an empty body', 'value_error.missing');
  checkDepth(body, maxDepth);
  if (!isUtf8(body)) throw invalidJson(undefined, 'expected UTF-8');
  const text = body.toString('utf8').replace(/^\uFEFF/, '');
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message may quote the body; only its position is passed on, where it gives one.
    const { message } = error as Error;
    const position = message.includes('end of JSON') ? text.length : /position (\d+)/.exec(message)?.[1];
    throw invalidJson(position === undefined ? undefined : Number(position), 'expected valid JSON');
  }
}

function invalidJson(position: number | undefined, fault: string): FieldError {
  const at = position === undefined ? ['body'] : ['body', position];
  return new FieldError(at, fault, 'value_error.jsondecode', 'invalid_json');
}

function checkDepth(body: Buffer, most: number): void {
  let depth = 0;
  for (let i = 0; i < body.length; i += 1) {
    const byte = body[i]!;
    if (byte === QUOTE) i = endOfString(body, i);
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > most)
        throw new ClipError('too_deep', `expected JSON of at most ${most} levels, got more at byte ${i}`);
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
}

/** Index of the closing quote; strings hold most of a body's bytes, so they are skipped by a native search. */
function endOfString(body: Buffer, open: number): number {
  let quote = body.indexOf(QUOTE, open + 1);
  while (quote > 0) {
    let slashes = 0;
    while (body[quote - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    quote = body.indexOf(QUOTE, quote + 1);
  }
  return body.length;
}
