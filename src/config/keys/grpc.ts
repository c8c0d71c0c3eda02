import { DEFAULT_GRPC } from '../config.ts';
import { accepted, honoured } from '../section.ts';
import { ANY, integer } from '../values.ts';
import { LONGEST_MS } from './flow.ts';

const LENGTH = integer(-1, 2 ** 31 - 1);
const MS = integer(1, LONGEST_MS);
const PINGS = 'pings of clients are bounded by `with.limits.ping_ms`';

/** `with.grpc_server_options`: gRPC's channel arguments, by their names in gRPC's own libraries. */
export const GRPC_KEYS = {
  'grpc.max_receive_message_length': honoured(
    LENGTH,
    undefined,
    'Bytes of one message from a client; −1, and what is larger, mean `with.limits.request_bytes`.',
    { defaultNote: '`with.limits.request_bytes`' },
  ),
  'grpc.max_send_message_length': honoured(
    LENGTH,
    undefined,
    'Bytes of one message to a client; −1 is without bound.',
    { defaultNote: 'without bound' },
  ),
  'grpc.max_concurrent_streams': honoured(
    integer(1, 2 ** 31 - 1),
    undefined,
    'Calls at a time on one connection, where `with.limits.streams` is not set.',
    { defaultNote: '`with.limits.streams`' },
  ),
  'grpc.keepalive_time_ms': honoured(
    MS,
    DEFAULT_GRPC.keepaliveMs,
    `Milliseconds between the server's pings of a connection; ${LONGEST_MS} is never.`,
  ),
  'grpc.keepalive_timeout_ms': honoured(
    MS,
    DEFAULT_GRPC.keepaliveTimeoutMs,
    'Milliseconds that a ping may stay without an answer before the connection is closed.',
  ),
  'grpc.max_connection_idle_ms': honoured(
    MS,
    undefined,
    'Milliseconds after which a connection without calls is closed, where `with.limits.idle_ms` is not set.',
    { defaultNote: '`with.limits.idle_ms`' },
  ),
  'grpc.max_connection_age_ms': honoured(
    MS,
    undefined,
    'Milliseconds, ±10 %, after which a connection takes no new calls.',
    { defaultNote: 'without bound' },
  ),
  'grpc.max_connection_age_grace_ms': honoured(
    MS,
    undefined,
    'Milliseconds that the calls of such a connection get to finish.',
    { defaultNote: 'without bound' },
  ),
  'grpc.http2.min_ping_interval_without_data_ms': honoured(
    MS,
    undefined,
    'Milliseconds between pings of a client without calls, on average, where `with.limits.ping_ms` is not set.',
    {
      aliases: ['grpc.http2.min_recv_ping_interval_without_data_ms'],
      defaultNote: '`with.limits.ping_ms`',
    },
  ),
  'grpc.keepalive_permit_without_calls': accepted(integer(0), 1, 'clients may always ping without calls'),
  'grpc.http2.max_pings_without_data': accepted(ANY, undefined, PINGS, { silent: true }),
  'grpc.http2.min_time_between_pings_ms': accepted(ANY, undefined, PINGS, { silent: true }),
  'grpc.http2.max_ping_strikes': accepted(ANY, undefined, PINGS),
  'grpc.so_reuseport': accepted(integer(0), 0, 'a port is never shared with another server'),
};
