import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type TlsOptions } from 'node:tls';
import type { TlsConfig } from '../config/config.ts';

/** A certificate chain and its key as read from the disk (PEM), with what a listener needs of the configuration. */
export interface TlsMaterial {
  readonly config: TlsConfig;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/**
 * The files as they are, unchecked.
 *
 * @throws Error that names the file which cannot be read
 */
export async function readMaterial(config: TlsConfig): Promise<TlsMaterial> {
  const { certFile, keyFile, caFile } = config;
  const [cert, key, ca] = await Promise.all([
    read('certificate', certFile),
    read('key', keyFile),
    caFile === undefined ? undefined : read('client CA', caFile),
  ]);
  return { config, cert, key, ca };
}

/**
 * Lets OpenSSL put the files together once, because a listener's own complaint comes late and names no file.
 *
 * @throws Error that names the file and what is wrong with it
 */
export function checkMaterial({ config, cert, key, ca }: TlsMaterial): void {
  const { certFile, keyFile, caFile, passphrase, ciphers } = config;
  if (config.clientCertificate !== 'none' && ca === undefined)
    throw new Error(
      'TLS: client certificates are asked for, but ssl_ca_certs names no file to check them against',
    );
  build('certificate', certFile, { cert });
  build('key', keyFile, { key, passphrase });
  build('certificate and key', `${certFile} and ${keyFile}`, { cert, key, passphrase });
  // createSecureContext ignores what it cannot read among the authorities.
  if (ca) attempt('client CA', caFile!, () => chainOf(ca));
  if (ciphers !== undefined) build('cipher list', ciphers, { ciphers });
}

/**
 * What `tls.createServer`, `https.createServer` and `setSecureContext` take: TLS 1.2 and later, and client certificates
 * as the configuration asks.
 */
export function serverTlsOptions({ config, cert, key, ca }: TlsMaterial): TlsOptions {
  return {
    cert,
    key,
    ca,
    passphrase: config.passphrase,
    ciphers: config.ciphers,
    minVersion: 'TLSv1.2',
    requestCert: config.clientCertificate !== 'none',
    rejectUnauthorized: config.clientCertificate === 'required',
  };
}

/** Time in which every certificate of a PEM chain is valid; ms since 1970. @throws Error where it holds none */
export function validityOf(pem: Buffer): { readonly from: number; readonly to: number } {
  const chain = chainOf(pem);
  return {
    from: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
    to: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
  };
}

const CERTIFICATE = /-----BEGIN ([A-Z\d ]*CERTIFICATE)-----[^-]*-----END \1-----/g;

/** X509Certificate alone reads the first of several. */
function chainOf(pem: Buffer): X509Certificate[] {
  const blocks = pem.toString('latin1').match(CERTIFICATE);
  if (!blocks) throw new Error('expected certificates in PEM form, got none');
  return blocks.map((block) => new X509Certificate(block));
}

async function read(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`TLS: cannot read the ${what} ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function build(what: string, where: string, options: Parameters<typeof createSecureContext>[0]): void {
  attempt(what, where, () => createSecureContext(options));
}

function attempt(what: string, where: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    const { message } = error as Error;
    const hint =
      what === 'key' && /decrypt|passphrase|interrupted/i.test(message) ? '; is the passphrase right?' : '';
    throw new Error(`TLS: the ${what} ${where} cannot be used: ${message}${hint}`, { cause: error });
  }
}
