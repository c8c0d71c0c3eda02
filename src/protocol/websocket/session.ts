import { ClipError } from '../../errors.ts';
import type { JinaRequest } from '../jina/request.ts';
import { serveStream } from '../jina/stream.ts';
import { countFault } from '../limit.ts';
import type { Site } from '../site.ts';
import { GOING_AWAY, NORMAL } from './close-code.ts';
import type { Connection } from './connection.ts';
import type { Format } from './format.ts';
import type { Kind } from './inbox.ts';

/** What a message on `/` is. */
export function kindOf(format: Format): (message: Buffer, isBinary: boolean) => Kind {
  return (message, isBinary) => {
    if (isBinary !== format.binary) {
      const [wanted, got] = format.binary ? ['binary', 'text'] : ['text', 'binary'];
      return new ClipError(
        'unsupported_media_type',
        `expected ${wanted} messages in the sub-protocol ${format.name}, got a ${got} one`,
      );
    }
    return format.isEnd(message) ? 'end' : 'request';
  };
}

/** `/`: answers requests until the client says that there are no more, then closes. Never rejects. */
export async function serveRequests(site: Site, connection: Connection, format: Format): Promise<void> {
  try {
    await serveStream<Uint8Array>(site, {
      protocol: 'websocket',
      route: '/',
      requests: connection.inbox,
      decode: (message) => decode(site, format, message as Buffer),
      encode: format.encode,
      send: (reply) => connection.send(reply),
      prefetch: site.config.gateway.prefetch,
      inOrder: false,
      signal: connection.signal,
      bytesPerComponent: format.bytesPerComponent,
    });
    if (connection.inbox.complete) connection.close(NORMAL);
    else connection.close(GOING_AWAY, 'the server is shutting down');
  } catch (thrown) {
    const error = ClipError.from(thrown);
    if (error.code === 'internal') site.log.error({ err: error }, 'a WebSocket failed');
    connection.fail(error);
  }
}

/** Counts what ends the connection; the stream counts what fails a request alone. */
function decode({ metrics }: Site, format: Format, message: Buffer): JinaRequest {
  try {
    return format.decode(message);
  } catch (error) {
    countFault(metrics, error);
    throw error;
  }
}

/** `/dry_run`: answers the first message with whether a request would be served, then closes. Never rejects. */
export async function serveDryRun(site: Site, connection: Connection, format: Format): Promise<void> {
  try {
    const first = await connection.inbox.next();
    if (first.done) return connection.close(GOING_AWAY, 'the server is shutting down');
    const { ready, reasons } = site.health.ready();
    const error = ready ? undefined : new ClipError('not_ready', reasons.join('; '));
    await connection.send(format.encodeStatus(error));
    connection.close(NORMAL);
  } catch (thrown) {
    connection.fail(ClipError.from(thrown));
  }
}
