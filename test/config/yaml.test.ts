import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings } from '../../src/config/findings.ts';
import { DEPTH_LIMIT, NODE_LIMIT } from '../../src/config/tree.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { read } from './flow.ts';

const SERVER = 'jtype: Flow\nwith:\n  port: 7\n';

test('a type is a key or a tag; without one a warning says so', async () => {
  for (const head of ['jtype: Flow\n', '!Flow\n', '--- !Flow\n', '# c\n\n---\njtype: Flow\n'])
    assert.deepEqual(
      (await read(`${head}with: {port: 7}\n`)).warnings.filter((line) => line.includes('jtype')),
      [],
      head,
    );
  assert.match(
    (await read('with: {port: 7}')).warnings[0]!,
    /^stdin:1: jtype: expected Flow, got nothing; taken as Flow$/,
  );
  await assert.rejects(
    read('!Executor\nwith: {}'),
    /^ConfigError: stdin:1: jtype: expected Flow, got "Executor"/,
  );
});

test('version 1 is taken, 1.x with a warning, another refused', async () => {
  for (const version of ["'1'", '1', ''])
    assert.doesNotMatch((await read(`${SERVER}version: ${version}`)).warnings.join(), /version/);
  for (const version of ['1.0', "'1.2'"])
    assert.match(
      (await read(`${SERVER}version: ${version}`)).warnings[0]!,
      /^stdin:4: version: .* is taken as 1$/,
    );
  for (const version of ['2', '0.5', 'one'])
    await assert.rejects(
      read(`${SERVER}version: ${version}`),
      /^ConfigError: stdin:4: version: expected 1, got /,
    );
});

test('an empty map or list is as good as none', async () => {
  const config = await read(
    'jtype: Flow\nwith:\n  port: 7\n  env:\n  limits: ~\ngateway:\nexecutors:\n- uses:\n    jtype: CLIPEncoder\n    with:\n    metas: {py_modules: clip_onnx}\n  uses_with: null\n',
  );
  assert.equal(config.executor.runtime, 'onnx');
  assert.equal(config.executor.name, 'executor0');
  assert.deepEqual(config.warnings, []);
});

test('a key written twice counts once, the last, with a warning', async () => {
  const config = await read(`${SERVER}  port: 8\n  port-expose: 9\n`);
  assert.equal(config.gateway.listeners[0]!.port, 9);
  assert.deepEqual(config.warnings.slice(0, 2), [
    'stdin:4: "port": this key is written twice; the last one counts',
    'stdin:5: with.port-expose: stands for the same as with.port; the last one counts',
  ]);
});

test('anchors, aliases and merge keys work, an anchor set twice too', async () => {
  const config = await read(`jtype: Flow
with: &base {port: &p 7, title: &t a, cors: yes}
gateway:
  <<: *base
  title: &t b
  description: *t
  port_monitoring: *p
  host: h
`);
  assert.equal(config.gateway.title, 'b');
  assert.equal(config.gateway.description, 'b');
  assert.equal(config.gateway.cors, true);
});

test('aliases are bounded, may not be circular and must name something', async () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdef'].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdef'[i]}`)}]`).join('\n')}\n`;
  await assert.rejects(
    read(bomb),
    /^ConfigError: stdin:\d:\d+: expected at most 20000 values, got more, through its aliases$/,
  );
  await assert.rejects(
    read('with: &a\n  b: *a\n'),
    /^ConfigError: stdin:2:3: an alias stands inside the value that it names$/,
  );
  await assert.rejects(read('with: *nothing\n'), /^ConfigError: stdin:1:7: .*nothing/);
  await assert.rejects(
    read('a: &x 1\nwith:\n  <<: *x\n'),
    /^ConfigError: stdin:\d:\d+: expected a map after <</,
  );
});

test('as many values as the limit, and as deep', () => {
  const parse = (text: string) => parseYaml(text, 'f', new Findings());
  // The list itself is a value, and so is the map around it with its key.
  const values = (count: number) => `a: &a [${Array(99).fill('x')}]\nb: [${Array(count).fill('*a')}]\n`;
  const fitting = Math.floor((NODE_LIMIT - 104) / 101);
  parse(values(fitting));
  assert.throws(() => parse(values(fitting + 1)), /expected at most 20000 values/);
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  parse(deep(DEPTH_LIMIT));
  assert.throws(
    () => parse(deep(DEPTH_LIMIT + 1)),
    /^ConfigError: f:1:1: expected at most 64 lists and maps in each other/,
  );
  assert.throws(() => parse(deep(30_000)), /expected at most 64 lists and maps/);
  assert.throws(() => parse('- '.repeat(30_000)), /expected at most 64 lists and maps/);
  assert.throws(
    () => parse(Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')),
    /^ConfigError: f:65:65: expected at most 64 lists and maps/,
  );
});

test('broken syntax is told with line and column', async () => {
  const broken: [string, string][] = [
    ['with:\n\tport: 1\n', '2:1'],
    ['with:\n  title: "x\n', '3:1'],
    ['uses: jtype: X\n', '1:7'],
    ['with: {port: 1\n', '2:1'],
    ['with:\n  port: 1\n cors: true\n', '3:1'],
    ['a: 1\n---\nb: 1\n', '2:1'],
  ];
  for (const [text, place] of broken)
    await assert.rejects(
      read(text),
      (error: Error) => error.name === 'ConfigError' && error.message.startsWith(`stdin:${place}: `),
      `${text} ${place}`,
    );
});

test('what is no map is refused', async () => {
  for (const [text, got] of [
    ['', 'nothing'],
    ['# c\n', 'nothing'],
    ['- a\n', 'a list'],
    ['word\n', '"word"'],
    ['~', 'nothing'],
  ])
    await assert.rejects(
      read(text!),
      (error: Error) => new RegExp(`^stdin:1: the flow: expected a map, got ${got}`).test(error.message),
      text,
    );
  await assert.rejects(read('? [a]\n: 1\n'), /^ConfigError: stdin:1:3: expected a word as key, got a list$/);
});
