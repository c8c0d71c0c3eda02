import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsMaterial } from '../tls.ts';
import { serverTlsOptions } from '../tls.ts';

/** TLS with material that can be replaced; new connections take the new one. */
export class TlsCredentials extends ServerCredentials {
  constructor(material: TlsMaterial, handshakeMs: number) {
    const { requestCert, rejectUnauthorized, ...context } = serverTlsOptions(material);
    super({ requestCert, rejectUnauthorized, handshakeTimeout: handshakeMs }, context);
  }

  update(material: TlsMaterial): void {
    const { requestCert, rejectUnauthorized, ...context } = serverTlsOptions(material);
    this.updateSecureContextOptions(context);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
