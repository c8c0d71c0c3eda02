import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { TlsConfig } from '../config/config.ts';

/** A checked certificate and key, with what a listener needs of the configuration. */
export interface TlsMaterial {
  readonly config: TlsConfig;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/**
 * Reads the files and lets OpenSSL put them together once, because a listener's own complaint comes late and names
 * no file.
 *
 * @throws Error that names the file and what is wrong with it
 */
export async function loadTls(config: TlsConfig): Promise<TlsMaterial> {
  const { certFile, keyFile, caFile, passphrase, ciphers } = config;
  if (config.clientCertificate !== 'none' && caFile === undefined)
    throw new Error(
      'TLS: client certificates are asked for, but ssl_ca_certs names no file to check them against',
    );
  const [cert, key, ca] = await Promise.all([
    read('certificate', certFile),
    read('key', keyFile),
    caFile === undefined ? undefined : read('client CA', caFile),
  ]);
  build('certificate', certFile, { cert });
  build('key', keyFile, { key, passphrase });
  build('certificate and key', `${certFile} and ${keyFile}`, { cert, key, passphrase });
  // createSecureContext ignores what it cannot read among the authorities.
  if (ca) attempt('client CA', caFile!, () => new X509Certificate(ca));
  if (ciphers !== undefined) build('cipher list', ciphers, { ciphers });
  return { config, cert, key, ca };
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
