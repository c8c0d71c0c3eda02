import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TlsConfig } from './config.ts';
import type { Context } from './context.ts';
import type { UVICORN_KEYS, WITH_KEYS } from './keys/flow.ts';
import type { Given, Section } from './section.ts';

/**
 * TLS is on where a certificate and its key are set; one without the other is a fault, and so is a file that can't be
 * read. `uvicorn_kwargs` comes before `with`. Paths are relative to the working directory.
 */
export async function readTls(
  server: Section<typeof WITH_KEYS>,
  uvicorn: Section<typeof UVICORN_KEYS>,
  context: Context,
): Promise<TlsConfig | undefined> {
  const certificate = uvicorn.given('ssl_certfile') ?? server.given('ssl_certfile');
  const key = uvicorn.given('ssl_keyfile') ?? server.given('ssl_keyfile');
  const only = certificate ?? key;
  if (only === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    const missing = certificate === undefined ? 'ssl_certfile' : 'ssl_keyfile';
    context.findings.fault(only.at, only.key, `expected ${missing} beside it, got nothing`);
    return undefined;
  }
  const authorities = uvicorn.given('ssl_ca_certs');
  return {
    certFile: await readable(certificate, context),
    keyFile: await readable(key, context),
    passphrase: uvicorn.get('ssl_keyfile_password'),
    caFile: authorities && (await readable(authorities, context)),
    clientCertificate: (['none', 'optional', 'required'] as const)[uvicorn.get('ssl_cert_reqs')]!,
    ciphers: uvicorn.get('ssl_ciphers'),
  };
}

async function readable(file: Given<string>, { cwd, findings }: Context): Promise<string> {
  const path = resolve(cwd, file.value);
  const found = await stat(path).catch(() => undefined);
  const allowed = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (!found) findings.fault(file.at, file.key, `expected a file, got ${path}, which does not exist`);
  else if (found.isDirectory() || !allowed)
    findings.fault(file.at, file.key, `expected a file that can be read, got ${path}`);
  return path;
}
