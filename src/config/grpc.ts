import type { GrpcConfig } from './config.ts';
import type { WITH_KEYS } from './keys/flow.ts';
import type { GRPC_KEYS } from './keys/grpc.ts';
import type { Section } from './section.ts';

/** gRPC's part of the server; its limits are in `Limits`. */
export function readGrpc(server: Section<typeof WITH_KEYS>, options: Section<typeof GRPC_KEYS>): GrpcConfig {
  const compression = server.get('compression');
  return {
    reflection: server.get('grpc_reflection'),
    compression: compression === 'NoCompression' ? undefined : compression === 'Gzip' ? 'gzip' : 'deflate',
    maxReceiveBytes: length(options.get('grpc.max_receive_message_length')),
    maxSendBytes: length(options.get('grpc.max_send_message_length')),
    keepaliveMs: options.get('grpc.keepalive_time_ms'),
    keepaliveTimeoutMs: options.get('grpc.keepalive_timeout_ms'),
    maxAgeMs: options.get('grpc.max_connection_age_ms'),
    maxAgeGraceMs: options.get('grpc.max_connection_age_grace_ms'),
  };
}

const length = (bytes: number | undefined): number | undefined => (bytes === -1 ? undefined : bytes);
