import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDataUri } from '../../../src/preprocess/uri/data-uri.ts';
import { failsWith, limitCount, makeLoader, never } from './loopback.ts';

const LIMIT = 1000;
const decode = (uri: string, limit = LIMIT) => Buffer.from(decodeDataUri(uri, limit));
const fails = (code: 'invalid_uri' | 'image_too_large', uri: string, limit = LIMIT) =>
  failsWith(code, (async () => decode(uri, limit))());
const BYTES = Buffer.from([0xff, 0xd8, 0xfb, 0xef, 0xbe, 0x00, 0x3e, 0x3f, 0x25, 0x0a]);
const BASE64 = BYTES.toString('base64');

test('base64 in every accepted spelling gives the same bytes', () => {
  for (const uri of [
    `data:image/png;base64,${BASE64}`,
    `DATA:IMAGE/PNG;BASE64,${BASE64}`,
    `data:;base64,${BASE64}`,
    `data:image/png;charset=x;base64 ,${BASE64}`,
    `  data:image/png;base64,${BASE64}\n`,
    `data:image/png;base64,${BASE64.match(/.{1,3}/g)!.join('\r\n ')}`,
    `data:image/png;base64,${BASE64.replaceAll('=', '')}`,
    `data:image/png;base64,${BYTES.toString('base64url')}`,
    `data:image/png;base64,${encodeURIComponent(BASE64)}`,
    `data:image/png;base64,${[...BASE64].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')}`,
  ])
    assert.deepEqual(decode(uri), BYTES, uri);
});

test('percent-encoded data keeps every other character as it stands', () => {
  assert.deepEqual(decode('data:,a%00%fF+%2B b,c'), Buffer.from('a\0\xff++ b,c', 'latin1'));
  assert.deepEqual(decode('data:text/plain,é'), Buffer.from('é'));
});

test('malformed URIs are named as such', async () => {
  for (const uri of [
    'data:nonsense',
    'data:',
    'data:image/png;base64',
    'data:image/png;base64,',
    'data:,',
    'data:image/png;base64,%%%',
    'data:image/png;base64,AAA!',
    'data:image/png;base64,AAAA#x',
    'data:image/png;base64,AA=A',
    'data:image/png;base64,A',
    'data:image/png;base64,AAAAA',
    'data:image/png;base64,AAA==',
    'data:image/png;base64,AAAA====',
    'data:image/png;base64,=',
    'data:,%',
    'data:,%4',
    'data:,%zz',
    'data:,%%%%%%',
    'data:image/png;base64,\u00e9\u00e9\u00e9\u00e9',
  ])
    assert.match(await fails('invalid_uri', uri), /expected .*got/, uri);
});

test('the limit holds for each encoding at the byte', async () => {
  const spellings: ((bytes: Buffer) => string)[] = [
    (bytes) => `data:;base64,${bytes.toString('base64')}`,
    (bytes) => `data:;base64,${bytes.toString('base64url')}`,
    (bytes) =>
      `data:;base64,${[...bytes.toString('base64')].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')}`,
    (bytes) => `data:,${'%41'.repeat(bytes.length)}`,
    (bytes) => `data:,${'A'.repeat(bytes.length)}`,
  ];
  for (const spell of spellings) {
    for (const size of [LIMIT - 1, LIMIT]) assert.equal(decode(spell(Buffer.alloc(size, 65))).length, size);
    for (const size of [LIMIT + 1, 100 * LIMIT])
      await fails('image_too_large', spell(Buffer.alloc(size, 65)));
  }
});

test('the loader takes data: URIs with fetching turned off, and counts those over the limit', async () => {
  const { loader, metrics } = makeLoader({ fetch: { enabled: false }, limits: { imageBytes: 10 } });
  assert.deepEqual(Buffer.from(await loader.load(`data:;base64,${BASE64}`, never)), BYTES);
  await failsWith('image_too_large', loader.load('data:,12345678901', never));
  assert.equal(await limitCount(metrics, 'image_bytes'), 1);
});
