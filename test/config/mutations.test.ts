// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the flow's own variables look like that
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/config.ts';
import { read } from './flow.ts';

const SAMPLES = ['07-jit', '08-model-path', '10-protocol', '11-monitoring', '12-tls'].map((name) =>
  readFileSync(join(import.meta.dirname, 'samples', `${name}.yml`), 'utf8'),
);
const COUNT = 600;
const CWD = mkdtempSync(join(tmpdir(), 'clip-config-'));
for (const file of ['cert.pem', 'key.pem']) writeFileSync(join(CWD, file), '');

/** mulberry32: the same mutations on every machine. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)]!;

const JUNK = [
  '[1, {a: b}]',
  '{a: 1}',
  '"',
  "'",
  '-1',
  '65536',
  '1e9',
  '3.5',
  'on',
  '!!binary x',
  '*x',
  '&x',
  '%',
  '@',
  '`',
  '| ',
  '${{ ENV.NOT_SET }}',
  '${{ root.with }}',
  '$',
  '\u0000',
  '🎉',
  'x'.repeat(9000),
];

/** Changes one line: each function is a way in which people and programs break such a file. */
const ON_LINE: ((line: string, random: Random) => string)[] = [
  (line, random) => line.replace(/:.*$/, () => `: ${pick(random, JUNK)}`),
  (line, random) => `${line} ${pick(random, JUNK)}`,
  (line, random) =>
    line.replace(/[a-z_]+/, (word) => word.slice(0, random(word.length)) + word.slice(random(word.length))),
  (line, random) => ' '.repeat(random(7)) + line.trimStart(),
  (line) => `\t${line}`,
  (line) => line.replace(':', ''),
  (line) => line.replace(': ', ':'),
  (line, random) => line.replace(/(\w+)/g, (word) => (random(3) === 0 ? `"${word}` : word)),
  (line) => `${line}\n${line}`,
  (line) => `- ${line}`,
  () => '',
  (line) => line.replace(/:.*$/, ':'),
  (line) => line.replace(/\d+/, (digits) => `${digits}0000`),
  (line, random) => line.replace(/\w+$/, () => `[${'['.repeat(random(80))}`),
];

/** Changes the whole text. */
const ON_TEXT: ((text: string, random: Random) => string)[] = [
  (text, random) => text.slice(0, random(text.length)),
  (text, random) => text.slice(random(text.length)),
  (text, random) => text.replaceAll('\n', pick(random, ['\r\n', '\r', ' ', '\n\n', '\u2028'])),
  (text, random) =>
    `${text}extra: &a [${Array(9).fill('x')}]\n${[...'bcdefg'].map((name, i) => `${name}: &${name} [${Array(9 + random(3)).fill(`*${'abcdef'[i]}`)}]`).join('\n')}\n`,
  (text) => text + text,
  (text, random) =>
    Array.from(text, (letter) => (random(20) === 0 ? String.fromCharCode(random(256)) : letter)).join(''),
  (_, random) => Array.from({ length: 300 }, () => String.fromCharCode(random(0x300))).join(''),
  (text) => JSON.stringify(text),
  (text, random) => text.replace('with:', pick(random, ['with: []', 'with: x', 'with: {', 'With:', '<<:'])),
  (text, random) =>
    text.replace(
      'executors:',
      pick(random, [
        'executors: x',
        'executor:',
        'deployments:',
        'executors: {}\nx:',
        'executors: [null]\nx:',
      ]),
    ),
];

function mutate(random: Random): string {
  const text = pick(random, SAMPLES);
  if (random(4) === 0) return pick(random, ON_TEXT)(text, random);
  const lines = text.split('\n');
  for (let times = 1 + random(2); times > 0; times--) {
    const index = random(lines.length);
    lines[index] = pick(random, ON_LINE)(lines[index]!, random);
  }
  return lines.join('\n');
}

/** `file:line:column: …` for syntax, `file:line: key: …` for a value. */
const SYNTAX = /^stdin:[1-9]\d*:[1-9]\d*: \S/;
const VALUE =
  /^stdin:[1-9]\d*: [\w.[\]"\\/@{}:, -]+: expected |^stdin:[1-9]\d*: \S+: the environment variable \w+ is not set/;
const REST = /^(warning: |and \d+ more$)/;

test(`${COUNT} broken flows: each is read, or refused with file, line and key, and nothing else is thrown`, async () => {
  let refused = 0;
  for (let seed = 1; seed <= COUNT; seed++) {
    const text = mutate(generator(seed));
    try {
      const config = await read(text, { cwd: CWD });
      assert.ok(config.gateway.listeners.length > 0 && config.executor.replicas > 0, `seed ${seed}`);
    } catch (error) {
      assert.ok(
        error instanceof ConfigError,
        `seed ${seed}: ${error instanceof Error ? error.stack : error}\n${text}`,
      );
      for (const line of error.message.split('\n'))
        assert.ok(
          [SYNTAX, VALUE, REST].some((form) => form.test(line)),
          `seed ${seed}: ${JSON.stringify(line)}`,
        );
      refused++;
    }
  }
  assert.ok(refused > COUNT / 4, `only ${refused} of ${COUNT} were refused`);
});
