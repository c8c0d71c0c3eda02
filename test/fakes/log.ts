import { readFile } from 'node:fs/promises';

/** A line that a process noted in the file of the knob `log`: `create engine`, `build ends`, `run (2,77)`, `sticky 700` … */
export interface FakeEvent {
  readonly pid: number;
  readonly text: string;
}

/** In the order in which they happened; none where there is no file. */
export async function readFakeLog(path: string): Promise<FakeEvent[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ pid: Number.parseInt(line, 10), text: line.slice(line.indexOf(' ') + 1) }));
}

/** How many of what was created has not been destroyed, by kind; empty where all was. */
export function alive(events: readonly FakeEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { text } of events) {
    const [, verb, kind] = /^(create|destroy) (.+)$/.exec(text) ?? [];
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + (verb === 'create' ? 1 : -1);
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
