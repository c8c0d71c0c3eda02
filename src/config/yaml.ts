import { Lexer, LineCounter, parseDocument } from 'yaml';
import { ConfigError } from './config.ts';
import { type Findings, joined } from './findings.ts';
import type { Node } from './node.ts';
import { buildTree, DEPTH_LIMIT, Position } from './tree.ts';

/** Bytes of UTF-8 in a flow file, on stdin, or behind a URL. */
export const TEXT_LIMIT = 64 * 1024;

/**
 * Reads one YAML (or JSON) document. Scalars are kept as text (`failsafe`): what they mean depends on the key that they
 * stand at, so a quoted port is a port and an all-digit password a password. A key written twice counts once, the last.
 * Throws a ConfigError with line and column for broken syntax and for texts beyond the limits.
 */
export function parseYaml(text: string, origin: string, findings: Findings): Node {
  const bytes = Buffer.byteLength(text);
  if (bytes > TEXT_LIMIT)
    throw new ConfigError(`${origin}: expected at most ${TEXT_LIMIT} bytes, got ${bytes}`);
  const lines = new LineCounter();
  checkNesting(text, origin);
  const document = parseDocument(text, {
    schema: 'failsafe',
    version: '1.1',
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const position = new Position(origin, lines);
  const faults = document.errors.map(({ pos, message }) => `${position.text(pos[0])}: ${message}`);
  if (faults.length > 0) throw new ConfigError(joined(faults));
  return buildTree(document.contents, position, findings);
}

/** The parser recurses, so depth is measured on its tokens before it runs. */
function checkNesting(text: string, origin: string): void {
  let open = 0;
  let line = 1;
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') open++;
    else if (token === ']' || token === '}') open--;
    else if (token === '-' || token === '?') indicators++;
    if (open + indicators > DEPTH_LIMIT)
      throw new ConfigError(
        `${origin}:${line}:1: expected at most ${DEPTH_LIMIT} lists and maps in each other`,
      );
    const breaks = token.split('\n').length - 1;
    if (breaks > 0) indicators = 0;
    line += breaks;
  }
}
