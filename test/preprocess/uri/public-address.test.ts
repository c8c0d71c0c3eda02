import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveAddress, isPublicAddress } from '../../../src/preprocess/uri/public-address.ts';

// First and last address of each block, and the neighbours outside (IANA special-purpose registries).
const PRIVATE_4 = [
  '0.0.0.0 0.255.255.255',
  '10.0.0.0 10.255.255.255',
  '100.64.0.0 100.127.255.255 100.100.100.200',
  '127.0.0.0 127.255.255.255',
  '168.63.129.16',
  '169.254.0.0 169.254.169.254 169.254.255.255',
  '172.16.0.0 172.31.255.255',
  '192.0.0.0 192.0.0.192 192.0.0.255',
  '192.0.2.0 192.0.2.255',
  '192.88.99.0 192.88.99.255',
  '192.168.0.0 192.168.255.255',
  '198.18.0.0 198.19.255.255',
  '198.51.100.0 198.51.100.255',
  '203.0.113.0 203.0.113.255',
  '224.0.0.0 239.255.255.255',
  '240.0.0.0 255.255.255.255',
];
const PUBLIC_4 = [
  '1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0',
  '168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0',
  '191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0',
  '198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255',
];
const PRIVATE_6 = [
  ':: ::1 ::7f00:1 ::8.8.8.8 fc00:: fd00::1 fdff:ffff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1',
  '100::1 64:ff9b:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:1ff::1 2001:db8::1 3fff::1 3fff:fff::1',
  '1fff::1 4000::1 5f00::1 ::ffff:0:8.8.8.8',
  '::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe 0:0:0:0:0:ffff:10.0.0.1 ::FFFF:10.0.0.1',
  '64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 2002:a00:1:: 2002:7f00:1::1 2002:a9fe:a9fe::',
];
const PUBLIC_6 = [
  '2000::1 2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111 2a00:1450:4001:81b::200e 3ffe::1 3fff:1000::1',
  '::ffff:8.8.8.8 64:ff9b::808:808 64:ff9b::8.8.8.8 2002:808:808::1',
];

for (const [verdict, lists] of [
  [false, [...PRIVATE_4, ...PRIVATE_6]],
  [true, [...PUBLIC_4, ...PUBLIC_6]],
] as const) {
  test(`${verdict ? 'public' : 'private, local or reserved'} addresses are known as such`, () => {
    for (const address of lists.flatMap((line) => line.split(' ')))
      assert.equal(isPublicAddress(address), verdict, address);
  });
}

test('what is no address is not public', () => {
  for (const text of ['', 'example.com', '1.2.3', '1.2.3.4.5', '0x7f.1', '2001:db8', '8.8.8.8 ', ':::'])
    assert.equal(isPublicAddress(text), false, text);
});

test('translated addresses are judged by the address inside', () => {
  for (const [address, inner] of [
    ['::ffff:a9fe:a9fe', '169.254.169.254'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['64:ff9b::102:304', '1.2.3.4'],
    ['2002:102:304:5::6', '1.2.3.4'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2606:4700::1', '2606:4700::1'],
    ['1.2.3.4', '1.2.3.4'],
  ] as const)
    assert.equal(effectiveAddress(address), inner);
});
