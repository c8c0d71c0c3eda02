import type { LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { ConfigError } from '../../config/config.ts';
import { ClipError } from '../../errors.ts';
import { effectiveAddress, isPublicAddress } from './public-address.ts';
import { quote } from './quote.ts';

/** Names of the machine itself and of clouds' metadata services, with everything below them. */
const REFUSED_NAMES = [
  'localhost',
  'local',
  'internal',
  'metadata',
  'instance-data',
  'metadata.amazonaws.com',
  'home.arpa',
];
const FIRST_UNPRIVILEGED_PORT = 1024;

/**
 * Decides which URLs may be fetched: http and https without credentials, at ports 80, 443 and from 1024, on hosts
 * whose addresses are all public. A name with even one private address is refused as a whole. `allow` (hosts,
 * addresses, CIDR ranges) exempts from the rules on ports and addresses.
 *
 * Sentences never hold an address: an answer must not tell what a name means inside.
 */
export class Guard {
  private readonly hosts = new Set<string>();
  private readonly addresses = new BlockList();

  constructor(allow: readonly string[]) {
    for (const entry of allow) this.exempt(entry);
  }

  /** `where` names the URL in sentences. @throws ClipError invalid_uri for other schemes, forbidden_uri */
  checkUrl(url: URL, where: string): void {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new ClipError(
        'invalid_uri',
        `${where}: expected http or https, got ${url.protocol.slice(0, -1)}`,
      );
    }
    if (url.username !== '' || url.password !== '') {
      // The sentence leaves out what was written, which may be a password.
      throw new ClipError(
        'forbidden_uri',
        `A URL at ${quote(url.host)}: expected no user name or password, got one`,
      );
    }
    const host = hostOf(url);
    if (this.hosts.has(host) || isIP(host)) return;
    if (REFUSED_NAMES.some((name) => host === name || host.endsWith(`.${name}`))) throw notPublic(where);
  }

  /** To be called with every address that a connection may be opened to. @throws ClipError forbidden_uri */
  checkAddresses(url: URL, addresses: readonly LookupAddress[], where: string): void {
    if (this.hosts.has(hostOf(url))) return;
    const others = addresses.filter(({ address }) => !this.isExempt(address));
    if (!others.every(({ address }) => isPublicAddress(address))) throw notPublic(where);
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    if (others.length > 0 && port !== 80 && port !== 443 && port < FIRST_UNPRIVILEGED_PORT) {
      throw new ClipError('forbidden_uri', `${where}: expected port 80, 443 or one from 1024, got ${port}`);
    }
  }

  private isExempt(address: string): boolean {
    const effective = effectiveAddress(address);
    return this.addresses.check(effective, familyOf(effective));
  }

  private exempt(entry: string): void {
    const range = /^([^/]+)\/(\d{1,3})$/.exec(entry);
    if (range && isIP(range[1]!) && Number(range[2]) <= (isIPv4(range[1]!) ? 32 : 128)) {
      this.addresses.addSubnet(range[1]!, Number(range[2]), familyOf(range[1]!));
      return;
    }
    const host = isIP(entry) ? entry : plainHost(entry);
    if (host === undefined) {
      throw new ConfigError(`fetch.allow: expected a host, an address or a CIDR range, got ${quote(entry)}`);
    }
    const address = effectiveAddress(host);
    if (isIP(address)) this.addresses.addAddress(address, familyOf(address));
    else this.hosts.add(host);
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** A host name in the form that URLs have it; undefined where `entry` is more or less than a host. */
function plainHost(entry: string): string | undefined {
  const isPlain = /^(\[[\da-f:.]+\]|[^\s/:@?#*\\[\]]+)$/i.test(entry) && URL.canParse(`http://${entry}/`);
  return isPlain ? hostOf(new URL(`http://${entry}/`)) : undefined;
}

/** The host as the resolver takes it: lower case, without brackets and final dots. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
}

function notPublic(where: string): ClipError {
  return new ClipError(
    'forbidden_uri',
    `${where}: expected a host with public addresses only, got one that is private, local or reserved`,
  );
}
