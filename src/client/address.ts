import { ClipClientError } from './error.ts';

export interface ServerAddress {
  readonly protocol: 'grpc' | 'http' | 'websocket';
  readonly secure: boolean;
  /** With brackets around an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** What stands before every path of the server, without a slash at its end. gRPC has none. */
  readonly prefix: string;
}

const SCHEMES: Readonly<Record<string, Pick<ServerAddress, 'protocol' | 'secure'>>> = {
  grpc: { protocol: 'grpc', secure: false },
  grpcs: { protocol: 'grpc', secure: true },
  http: { protocol: 'http', secure: false },
  https: { protocol: 'http', secure: true },
  ws: { protocol: 'websocket', secure: false },
  websocket: { protocol: 'websocket', secure: false },
  wss: { protocol: 'websocket', secure: true },
};

/**
 * `grpc://localhost:51000` and the like. Without a port it is 80, or 443 with TLS, for every scheme, as the Python client has it.
 *
 * @throws ClipClientError invalid_input
 */
export function parseServer(url: string): ServerAddress {
  const wrong = (what: string) => new ClipClientError('invalid_input', `server: ${what}, got ${url}`);
  if (!URL.canParse(url)) throw wrong('expected a URL such as grpc://localhost:51000');
  const { protocol, hostname, port, pathname, username, password, search } = new URL(url);
  const scheme = SCHEMES[protocol.slice(0, -1)];
  if (!scheme) throw wrong(`expected one of ${Object.keys(SCHEMES).join(', ')} before ://`);
  if (hostname === '') throw wrong('expected a host');
  if (username || password) throw wrong('expected no user and password (there is the option token)');
  if (search) throw wrong('expected no query');
  const prefix = pathname.replace(/\/+$/, '');
  if (prefix && scheme.protocol === 'grpc') throw wrong('expected no path after host and port of gRPC');
  return { ...scheme, hostname, port: port === '' ? (scheme.secure ? 443 : 80) : Number(port), prefix };
}

/** For messages: without anything that might be secret. */
export function httpBase({ secure, hostname, port, prefix }: ServerAddress): string {
  return `${secure ? 'https' : 'http'}://${hostname}:${port}${prefix}`;
}

export function socketUrl({ secure, hostname, port, prefix }: ServerAddress): string {
  return `${secure ? 'wss' : 'ws'}://${hostname}:${port}${prefix}/`;
}
