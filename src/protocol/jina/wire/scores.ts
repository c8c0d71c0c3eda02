import type { NamedScore, Scores } from '../document.ts';
import { ENTRY, NAMED_SCORE } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** One entry of the map; its message is entered here. @throws ClipError invalid_request, too_deep */
export function readScore(reader: Reader): [string, NamedScore] {
  reader.countValue();
  const outer = reader.enter();
  let key = '';
  const score: NamedScore = {};
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ENTRY.key) key = reader.string();
    else if (tag === ENTRY.value) readFields(reader, score);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return [key, score];
}

function readFields(reader: Reader, score: NamedScore): void {
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === NAMED_SCORE.value) score.value = nonZero(reader.float());
    else if (tag === NAMED_SCORE.opName) score.opName = reader.string();
    else if (tag === NAMED_SCORE.description) score.description = reader.string();
    else if (tag === NAMED_SCORE.refId) score.refId = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
}

/** 0 counts as unset, NaN does not. */
export function nonZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

export function writeScores(out: Writer, tag: number, scores: Scores): void {
  for (const [key, { value, opName, description, refId }] of Object.entries(scores)) {
    const entry = out.open(tag);
    out.string(ENTRY.key, key);
    const score = out.open(ENTRY.value);
    if (value !== undefined) out.float(NAMED_SCORE.value, value);
    out.text(NAMED_SCORE.opName, opName);
    out.text(NAMED_SCORE.description, description);
    out.text(NAMED_SCORE.refId, refId);
    out.close(score);
    out.close(entry);
  }
}
