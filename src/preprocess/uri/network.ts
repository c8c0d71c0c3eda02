import { promises as dns, type LookupAddress } from 'node:dns';
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** The way to the outside; tests put their own in its place. */
export interface Network {
  /** Every address of a host, as the system's resolver orders them. */
  resolve(host: string): Promise<readonly LookupAddress[]>;
  request(url: URL, options: RequestOptions): ClientRequest;
}

export const systemNetwork: Network = {
  resolve: (host) => dns.lookup(host, { all: true, verbatim: true }),
  request: (url, options) =>
    url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options),
};
