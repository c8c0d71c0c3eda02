import type { AddressInfo, Server, Socket } from 'node:net';

/** Connections that wait to be accepted. */
const BACKLOG = 2048;

/**
 * Opens a port for a server of Node's.
 *
 * @param port 0 lets the system choose
 * @param onFault told of faults of the listener once it is open
 * @returns the port listened on
 * @throws Error naming host, port and cause
 */
export function openPort(
  server: Server,
  host: string,
  port: number,
  onFault: (error: Error) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
    };
    server.once('error', onError);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', onError);
      server.on('error', onFault);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Every TCP connection of a port, whatever is spoken on it. */
export class OpenSockets {
  readonly #sockets = new Set<Socket>();
  readonly #onChange: (change: 1 | -1) => void;

  constructor(onChange: (change: 1 | -1) => void) {
    this.#onChange = onChange;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
    this.#onChange(1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#onChange(-1);
    });
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
