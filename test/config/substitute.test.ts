// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the flow's own variables look like that
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXPANSION_LIMIT } from '../../src/config/substitute.ts';
import { flow, read } from './flow.ts';

const env = { CAS_PORT: '51007', NAME: 'ViT-B/32', EMPTY: '', LITERAL: 'a$NAME$$' };
const yaml = (server: string) => `jtype: Flow\nwith:\n${server.replace(/^/gm, '  ')}\n`;
const port = async (written: string) =>
  (await read(yaml(`port: ${written}`), { env })).gateway.listeners[0]!.port;
const title = async (written: string) =>
  (await read(yaml(`title: ${written}\nport: 1`), { env })).gateway.title;

test('every form of a variable becomes its value, with any spacing and quotes', async () => {
  for (const form of [
    '${{ ENV.CAS_PORT }}',
    '${{ env.CAS_PORT }}',
    '${{ENV.CAS_PORT}}',
    '${{  ENV.CAS_PORT  }}',
    '$CAS_PORT',
    '${CAS_PORT}',
  ])
    for (const written of [form, `'${form}'`, `"${form}"`]) assert.equal(await port(written), 51007, written);
  for (const form of [
    '${{ CONTEXT.CAS_PORT }}',
    '${{ context.CAS_PORT }}',
    '${{ CAS_PORT }}',
    '${{CAS_PORT}}',
  ])
    assert.equal(await port(form), 51007, form);
  assert.equal(await title('pre-${{ ENV.NAME }}-post'), 'pre-ViT-B/32-post');
  assert.equal(await title('$NAME:${CAS_PORT}'), 'ViT-B/32:51007');
});

test('a bare $X that is not set stays, and $$ is a dollar sign', async () => {
  for (const written of ['$MISSING', '${MISSING}', 'pa$word', 'a$', '$1', '${', '${{'])
    assert.equal(await title(written), written);
  assert.equal(await title('a$$b'), 'a$b');
  assert.equal(await title('$$NAME'), '$NAME');
  assert.equal(await title('$$$NAME'), '$ViT-B/32');
  assert.equal(await title('"$${{ NAME }}"'), '${{ NAME }}');
  assert.equal(await title('$LITERAL'), 'a$NAME$$');
});

test('a variable that is missing in ${{ }} is a fault with its name and line', async () => {
  for (const form of ['${{ ENV.MISSING }}', '${{ MISSING }}', 'a-${{ CONTEXT.MISSING }}'])
    await assert.rejects(title(form), {
      name: 'ConfigError',
      message: /^stdin:3: with\.title: the environment variable MISSING is not set/,
    });
  await assert.rejects(
    title('${{ a b }}'),
    /stdin:3: with\.title: expected ENV\.NAME, root\.PATH or this\.KEY after \$\{\{, got "a b"/,
  );
});

test('an empty variable leaves the key at its default', async () => {
  const config = await read(yaml('cors: $EMPTY\ntitle: ${{ ENV.EMPTY }}\nport: 1'), { env });
  assert.equal(config.gateway.cors, false);
  assert.equal(config.gateway.title, 'clip-server');
});

test('references to other keys resolve', async () => {
  const text = yaml(`port: 51001
name: a
title: \${{root.with.port}}
description: \${{ this.port }}
timeout_send: \${{ root.executors[0].uses-with.minibatch_size }}
host: \${{ root.executors[0].name }}`);
  const config = await read(
    `${text}executors:\n- name: clip_t\n  uses: CLIPEncoder\n  uses_with: {minibatch_size: 3}\n`,
  );
  assert.equal(config.gateway.title, '51001');
  assert.equal(config.gateway.description, '51001');
  assert.equal(config.gateway.requestTimeoutMs, 3);
  assert.equal(config.gateway.host, 'clip_t');
});

test('three references behind each other resolve, a fourth and a circle do not', async () => {
  const chain = (length: number) =>
    yaml(
      `port: 1\ntitle: end\nhost: ${'${{ this.name }}'}\nname: ${'${{ this.description }}'}\ndescription: ${length === 3 ? '${{ this.title }}' : '${{ this.log_config }}'}\nlog_config: ${'${{ root.with.title }}'}`,
    );
  assert.equal((await read(chain(3))).gateway.host, 'end');
  await assert.rejects(
    read(chain(4)),
    /^ConfigError: stdin:\d: with\.\w+: expected at most 3 references behind each other/m,
  );
  await assert.rejects(read(yaml('title: ${{ this.title }}')), /expected at most 3 references/);
  await assert.rejects(
    read(yaml('title: ${{ this.name }}\nname: ${{ this.title }}')),
    /expected at most 3 references/,
  );
});

test('a reference to nothing, a map or a list is a fault', async () => {
  for (const path of [
    'root.with.nothing',
    'root.with',
    'root.executors[3].name',
    'this.a.b',
    'root.',
    'root[0]',
    'root.with..port',
  ])
    await assert.rejects(
      read(yaml(`title: "\${{ ${path} }}"\nport: 1`)),
      /^ConfigError: stdin:3: with\.title: expected a key with one value/,
      path,
    );
});

test('variables come to at most the limit', async () => {
  const long = { LONG: 'x'.repeat(EXPANSION_LIMIT / 4) };
  const ofLength = (extra: string) =>
    read(yaml(`port: 1\ntitle: $LONG$LONG$LONG$LONG${extra}`), { env: long });
  assert.equal((await ofLength('')).gateway.title.length, EXPANSION_LIMIT);
  await assert.rejects(
    ofLength('.'),
    /stdin:4: with\.title: expected variables to come to at most 262144 characters/,
  );
  await assert.rejects(ofLength('$LONG'.repeat(100)), /expected variables to come to at most/);
});

test('what a scalar means depends on its key, not on its quotes', async () => {
  for (const written of ['51000', "'51000'", '"51000"', '"\'51000\'"', '51_000', '0xC738'])
    assert.equal(await port(written), 51000, written);
  assert.equal(await port("'007'"), 7);
  for (const written of ['007', '1.10', '1e3', '1_000', 'nan', 'true', 'False', 'yes', '[1]'])
    assert.equal(await title(`'${written}'`), written);
  for (const written of ['1.10', 'True', '0123']) assert.equal(await title(written), written);
  assert.equal(await title("''"), '');
  for (const written of ['1e3', '51000.0', 'nan', "'a'", '1__0', '1.0'])
    await assert.rejects(port(written), /expected an integer from 0 to 65535/);
});

test('lists are lists, and text in brackets or with commas is one too', async () => {
  for (const written of ['[1, 2]', "'[1, 2]'", "'1,2'", '1, 2', '\n  - 1\n  - 2']) {
    const { gateway } = await read(yaml(`protocol: [grpc, http]\nport: ${written}`));
    assert.deepEqual(
      gateway.listeners.map(({ port }) => port),
      [1, 2],
      written,
    );
  }
});

test('booleans are YAML 1.1’s, without on and off; 0 and 1 get a warning', async () => {
  const cors = async (written: string) => (await read(yaml(`port: 1\ncors: ${written}`))).gateway.cors;
  for (const written of ['true', 'True', 'TRUE', 'yes', 'Yes', 'YES', "'true'", '1'])
    assert.equal(await cors(written), true, written);
  for (const written of ['false', 'False', 'FALSE', 'no', 'No', 'NO', "'False'", '0', '', '~', 'null'])
    assert.equal(await cors(written), false, written);
  for (const written of ['on', 'On', 'off', 'y', 'n', '2', "'yes'", 'maybe', '[]', '{}'])
    await assert.rejects(
      cors(written),
      /^ConfigError: stdin:4: with\.cors: expected true or false, got /,
      written,
    );
  assert.match(
    (await read(yaml('port: 1\ncors: 0'))).warnings[0]!,
    /^stdin:4: with\.cors: 0 is taken as false; write true or false$/,
  );
});

test('a variable that the flow itself sets is no source for the flow', async () => {
  await assert.rejects(
    read(flow({ server: { env: { HERE: '1' }, title: '${{ ENV.HERE }}' } })),
    /the environment variable HERE is not set/,
  );
});
