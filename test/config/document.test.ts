import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KEYS } from '../../src/config/keys.ts';
import type { Key, Table } from '../../src/config/section.ts';
import { VARIABLES } from '../../src/config/variables.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/configuration.md');

const cell = (text: string) => text.replaceAll('|', '\\|');

function defaultOf({ defaultNote, fallback }: Key<unknown, unknown>): string {
  if (defaultNote !== undefined) return defaultNote;
  if (fallback === undefined) return '';
  return `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
}

function tableOf(table: Table, head: string): string {
  const rows = Object.entries(table).map(([name, key]) => {
    const names = [name, ...key.aliases].map((each) => `\`${each}\``).join(', ');
    return `| ${[names, key.type.expected, defaultOf(key), key.status, key.note].map(cell).join(' | ')} |`;
  });
  return [
    `| ${head} | Value | Default | Status | Effect, or why there is none |`,
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** The formatter pads the cells of a table. */
const unpadded = (text: string) =>
  text.replace(/^\|.*$/gm, (row) => row.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---'));

/** Replaces what stands between the marks of a table. */
function withTable(text: string, name: string, table: string): string {
  const [start, end] = [`<!-- table: ${name} -->\n`, '<!-- end of table -->'];
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  assert.ok(from >= 0 && to > from, `docs/configuration.md has no place for the table ${name}`);
  return `${text.slice(0, from + start.length)}${table}\n${text.slice(to)}`;
}

test('docs/configuration.md holds the tables of the code (UPDATE_DOCS=1 writes them)', () => {
  const written = readFileSync(DOCUMENT, 'utf8');
  let expected = written;
  for (const [place, table] of KEYS) expected = withTable(expected, place, tableOf(table, 'Key'));
  expected = withTable(expected, 'environment', tableOf(VARIABLES, 'Variable'));
  if (process.env.UPDATE_DOCS === '1') writeFileSync(DOCUMENT, expected);
  else assert.equal(unpadded(written), unpadded(expected));
});
