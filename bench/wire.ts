import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as it came; the body is whole. */
export interface Answer {
  status: number;
  body: Buffer;
}

/** One connection that is kept alive and asked one thing at a time. */
export interface Wire {
  ask(request: string): Promise<Answer>;
  close(): void;
}

/**
 * Opens a connection to `port` of this machine. A client library would take as much of the two cores as the service
 * does, so this one reads only what the services of the bench answer with: a status, a Content-Length and a body.
 */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return wireOn(socket);
}

function wireOn(socket: Socket): Wire {
  let waiting: PromiseWithResolvers<Answer> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const fail = (reason: string) => waiting?.reject(new Error(reason));
  socket.on('error', error => fail(error.message));
  socket.on('close', () => fail('the service closed the connection'));
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = whole(received);
    if (answer === undefined) return;
    received = Buffer.alloc(0);
    waiting?.resolve(answer);
  });
  return {
    ask(request) {
      if (socket.destroyed) return Promise.reject(new Error('the service closed the connection'));
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

/** The answer in `bytes`, once all of it is there. */
function whole(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  // Without a length nothing would ever be whole: the caller is shown what came instead.
  if (length === null) return { status: 0, body: bytes };
  const from = end + 4;
  const to = from + Number(length[1]);
  if (bytes.length < to) return undefined;
  return { status: Number(head.slice(9, 12)), body: bytes.subarray(from, to) };
}

/** A request as text, with a body of JSON if there is one. */
export function requestText(method: 'GET' | 'POST', path: string, headers: string[], body = ''): string {
  const length = body === '' ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`];
  return `${[`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', ...headers, ...length].join('\r\n')}\r\n\r\n${body}`;
}

/** @throws Error with the whole answer when its status is another */
export function expectStatus(answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`${answer.status} ${answer.body.toString('utf8').slice(0, 2_000)}`);
}
