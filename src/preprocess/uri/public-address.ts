import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IANA's special-purpose registry for IPv4, multicast, and Azure's platform address, which is public by number only. */
const REFUSED_4 = ranges('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);

/** The one block of IPv6 that is handed out for global unicast; ::1, fc00::/7, fe80::/10, ff00::/8 lie outside. */
const GLOBAL_6 = ranges('ipv6', [['2000::', 3]]);

/** Inside it: protocol assignments with Teredo and ORCHID, and the two documentation blocks. */
const REFUSED_6 = ranges('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
]);

function ranges(family: 'ipv4' | 'ipv6', list: readonly (readonly [string, number])[]): BlockList {
  const blocks = new BlockList();
  for (const [address, bits] of list) blocks.addSubnet(address, bits, family);
  return blocks;
}

/** Whether anyone on the internet could reach `address`. What is not an address is not public. */
export function isPublicAddress(address: string): boolean {
  const effective = effectiveAddress(address);
  if (isIPv4(effective)) return !REFUSED_4.check(effective, 'ipv4');
  return isIPv6(effective) && GLOBAL_6.check(effective, 'ipv6') && !REFUSED_6.check(effective, 'ipv6');
}

/**
 * The address that packets end at: the inner IPv4 address of IPv4-mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) and 6to4
 * (2002::/16) addresses, else `address` without its zone.
 */
export function effectiveAddress(address: string): string {
  const plain = address.split('%')[0]!;
  if (!isIPv6(plain)) return plain;
  const g = groups(plain);
  const prefix = g.slice(0, 6).join(' ');
  if (prefix === `0 0 0 0 0 ${0xffff}` || prefix === `${0x64} ${0xff9b} 0 0 0 0`) return dotted(g[6]!, g[7]!);
  return g[0] === 0x2002 ? dotted(g[1]!, g[2]!) : plain;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groups(address: string): number[] {
  const hexadecimal = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head, tail] = hexadecimal.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail ? new Array<string>(8 - head!.length - tail.length).fill('0') : [];
  return [...head!, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
