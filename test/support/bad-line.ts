import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * How the line is: `clear`; `latency`: each packet comes a fifth of a second late; `cut`: what is asked arrives, and the line
 * breaks before the answer; `halfOpen`: the far end is gone, and the near one hears nothing of it; `swallow`: both ends are
 * there, and no byte arrives; `trickle`: 5 kB a second each way.
 */
export type Weather = 'clear' | 'latency' | 'cut' | 'halfOpen' | 'swallow' | 'trickle';

/** A line to PostgreSQL or to the service, in user space. Unlike `Line`, it knows nothing of what passes. */
export interface BadLine {
  port: number;
  /** How it is from now on, for all connections. One that has lost a byte stays silent for ever. */
  turn(weather: Weather): void;
  /** How many pieces came late, were cut off, swallowed, or slowed down, since the last turn. */
  hit(): number;
  close(): void;
}

const latencyMs = 200;
const trickle = { bytes: 500, everyMs: 100 };

/** @param to port of PostgreSQL, or of the service */
export async function openBadLine(to: number): Promise<BadLine> {
  let weather: Weather = 'clear';
  let hit = 0;
  const sockets = new Set<Socket>();
  const far = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };

  const server = createServer(near => {
    track(near);
    const away = createConnection(to, '127.0.0.1');
    track(away);
    far.add(away);
    away.on('close', () => far.delete(away));
    let dead = false;
    const isDead = () => {
      dead ||= weather === 'halfOpen' || weather === 'swallow';
      return dead;
    };
    if (weather === 'halfOpen') away.destroy();

    const carry = (from: Socket, into: Socket) => {
      // What comes late must not be overtaken.
      let last = Promise.resolve();
      const later = (ms: number, work: () => void) => {
        last = last.then(() => wait(ms)).then(work);
      };
      from.on('data', (data: Buffer) => {
        if (weather !== 'clear') hit += 1;
        if (isDead()) return;
        if (weather === 'cut' && from === near) {
          into.write(data);
          into.end();
          near.destroy();
        } else if (weather === 'trickle') {
          from.pause();
          for (let at = 0; at < data.length; at += trickle.bytes)
            later(trickle.everyMs, () => void into.write(data.subarray(at, at + trickle.bytes)));
          later(0, () => void from.resume());
        } else later(weather === 'latency' ? latencyMs : 0, () => void into.write(data));
      });
      // A silent line is silent about the end too; once it is back, PostgreSQL hears that its session is over.
      from.on('close', () => {
        if (into === near && isDead()) return;
        if (!dead || weather === 'clear') later(0, () => void into.end());
        else ended.add(into);
      });
    };
    carry(near, away);
    carry(away, near);
  });
  const ended = new Set<Socket>();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    turn(to) {
      weather = to;
      hit = 0;
      if (to === 'halfOpen') for (const socket of far) socket.destroy();
      if (to !== 'clear') return;
      for (const socket of ended) socket.destroy();
      ended.clear();
    },
    hit: () => hit,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
