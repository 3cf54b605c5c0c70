import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * What becomes of one call: `clear` and nothing happens; `cut`: its effect is there, its answer lost; `doubled`: it arrives
 * twice at once; `slow`; `late`: the caller loses the line, and the call arrives when it has long been tried again; `held`:
 * its answer comes as far as here, and stays.
 */
export type Fate = 'clear' | 'cut' | 'doubled' | 'slow' | 'late' | 'held';

/** A line between a client and the service, in user space. Each connection carries one call. */
export interface Line {
  origin: string;
  /** How many calls had which fate. */
  counts: Record<Fate, number>;
  /** Where calls go from now on. */
  lead(port: number): void;
  /** Answers that were held so far. */
  held(): number;
  /** Waits until every call that is still under way has arrived. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** @param fateOf decides each call, with the delay of those that come slow or late */
export async function openLine(port: number, fateOf: () => { fate: Fate; delayMs: number }): Promise<Line> {
  let target = port;
  let held = 0;
  const counts: Line['counts'] = { clear: 0, cut: 0, doubled: 0, slow: 0, late: 0, held: 0 };
  const sockets = new Set<Socket>();
  const under = new Set<Promise<unknown>>();

  const carry = async (client: Socket): Promise<void> => {
    const call = await wholeCall(client);
    if (call === undefined) return;
    const { fate, delayMs } = fateOf();
    counts[fate] += 1;
    if (fate === 'late') client.destroy();
    if (fate === 'late' || fate === 'slow') await wait(delayMs);
    const arriving = [exchange(target, call), ...(fate === 'doubled' ? [exchange(target, call)] : [])];
    const answer = await Promise.any(arriving).catch(() => undefined);
    if (fate === 'held') held += 1;
    else if (answer === undefined || fate === 'cut') client.destroy();
    else client.end(answer);
    await Promise.allSettled(arriving);
  };

  const server = createServer(client => {
    sockets.add(client);
    client.on('error', () => undefined).on('close', () => sockets.delete(client));
    const carried = carry(client).finally(() => under.delete(carried));
    under.add(carried);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    lead: to => {
      target = to;
    },
    held: () => held,
    async drain() {
      await Promise.allSettled([...under]);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await Promise.allSettled([...under]);
    },
  };
}

/** The bytes of one call; undefined when the line broke before its end. */
async function wholeCall(client: Socket): Promise<Buffer | undefined> {
  let bytes = Buffer.alloc(0);
  // Not `for await`, which would close the socket that the answer has to go back on.
  const arrived = Promise.withResolvers<Buffer | undefined>();
  client.on('data', (data: Buffer) => {
    bytes = Buffer.concat([bytes, data]);
    if (isWhole(bytes)) arrived.resolve(bytes);
  });
  client.on('close', () => arrived.resolve(undefined));
  return arrived.promise;
}

function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(bytes.subarray(0, end).toString('latin1')) ?? [];
  return bytes.length >= end + 4 + Number(length);
}

/** Carries a call to the service and brings its whole answer. */
function exchange(port: number, call: Buffer): Promise<Buffer> {
  const socket = createConnection(port, '127.0.0.1');
  socket.write(call);
  const answer: Buffer[] = [];
  const over = Promise.withResolvers<Buffer>();
  socket.on('data', (data: Buffer) => answer.push(data));
  socket.on('error', over.reject);
  socket.on('close', () => {
    if (answer.length > 0) over.resolve(Buffer.concat(answer));
    else over.reject(new Error('no answer'));
  });
  return over.promise;
}
