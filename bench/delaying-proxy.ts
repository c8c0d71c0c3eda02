import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

// Forwards connections to a port and holds each piece back for some ms in both directions, as distance does.
const [target, delayMs] = process.argv.slice(2).map(Number) as [number, number];
/** Pieces on their way at most, so that a fast sender fills the distance and not the memory. */
const MOST_BYTES = 64 * 2 ** 20;

function forward(from: Socket, to: Socket): void {
  let onTheWay = 0;
  from.on('data', (piece: Buffer) => {
    onTheWay += piece.length;
    if (onTheWay > MOST_BYTES) from.pause();
    setTimeout(() => {
      onTheWay -= piece.length;
      to.write(piece);
      if (onTheWay <= MOST_BYTES) from.resume();
    }, delayMs);
  });
  from.on('close', () => to.destroy());
  from.on('error', () => {});
}

const server = createServer((client) => {
  const upstream = connect(target, '127.0.0.1');
  for (const socket of [client, upstream]) socket.setNoDelay(true);
  forward(client, upstream);
  forward(upstream, client);
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
