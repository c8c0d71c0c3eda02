import { FieldError } from './field-error.ts';

const MOST_CHARACTERS = 100;
const MOST_QUANTIFIERS = 4;
/** One piece of a pattern: an escape, a class, a group's edge, an anchor, an alternative or a plain character. */
const PIECE = /\\[dws.\\/*+?()[\]|^$-]|\[\^?[\w.\s/:-]+\]|\((?:\?:)?|\)|[|^$.]|[\w\s/:@%,-]/y;

/**
 * Whether a request's `target_executor` names this deployment: a regular expression matched at the start of the
 * name, as Python's `re.match` does.
 *
 * A client's pattern must not be able to stall the server. So it is short, holds at most four quantifiers, and none
 * of them stands after a group: what remains can't backtrack more than about length⁴ steps on a name of some dozen
 * characters. Look-arounds, back-references and counted repeats are refused.
 *
 * @throws FieldError for a pattern outside that subset
 */
export function targets(pattern: string, deployment: string, at: readonly string[]): boolean {
  const fault = faultOf(pattern);
  if (fault) throw new FieldError(at, fault);
  try {
    return new RegExp(`^(?:${pattern})`).test(deployment.slice(0, MOST_CHARACTERS));
  } catch {
    throw new FieldError(at, 'expected a regular expression, got one that does not compile');
  }
}

function faultOf(pattern: string): string | undefined {
  if (pattern.length > MOST_CHARACTERS)
    return `expected a pattern of at most ${MOST_CHARACTERS} characters, got ${pattern.length}`;
  let quantifiers = 0;
  let at = 0;
  while (at < pattern.length) {
    PIECE.lastIndex = at;
    const piece = PIECE.exec(pattern)?.[0];
    if (piece === undefined) return `expected a simple pattern, got something else at character ${at}`;
    at += piece.length;
    if (!'*+?'.includes(pattern[at] ?? ' ')) continue;
    if (piece === ')') return `expected no quantifier after a group, got one at character ${at}`;
    quantifiers += 1;
    at += pattern[at + 1] === '?' ? 2 : 1;
  }
  return quantifiers > MOST_QUANTIFIERS
    ? `expected at most ${MOST_QUANTIFIERS} quantifiers, got ${quantifiers}`
    : undefined;
}
