import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync } from 'node:zlib';
import { test } from 'tap';
import type { DeviceKey } from '../../src/sample/device-key.ts';
import { readSample } from '../../src/sample/files.ts';
import type { Service } from '../support/service.ts';
import { at, openShop } from '../support/shop.ts';

/** As many as a village on a slow line pays for one exchange. */
const requestsMax = 4;
const bytesMax = 30_000;

test('card, offers, hand-over, receipt: four requests, under 30 kB over the line', async t => {
  const shop = await openShop(t);
  const goods = (await readSample('goods.csv')).filter(row => row.is_service === 'false');
  const ids: string[] = [];
  for (const { name, name_en: nameEn, category } of goods) ids.push(await shop.goods(name!, { nameEn, category }));
  await shop.prices(Object.fromEntries(ids.map(id => [id, 3])));
  await shop.stock(Object.fromEntries(ids.slice(0, 40).map(id => [id, 10])));
  const { cardCode } = await shop.card(await shop.household(50));
  const kiosk = await shop.service.asKiosk();
  const line = await openLine(shop.service, kiosk.key);

  const session = await line('POST', '/v1/kiosk/sessions', kiosk.token, { card: cardCode });
  const token = session.accessToken;
  const offers = await line('GET', `${at}/offers?storeId=${shop.storeId}`, token);
  t.equal(offers.data.length, ids.length, 'a whole store');
  const { goodsId } = offers.data.find((offer: { reason: string | null }) => offer.reason === null);
  const order = { storeId: shop.storeId, lines: [{ goodsId, quantity: 1 }], handOver: true, mode: 'counter' };
  const done = await line('POST', `${at}/redemptions`, token, order);
  const receipt = await line('GET', `${at}/redemptions/${done.id}/receipt`, token);
  t.match([done.state, receipt.number], ['fulfilled', done.number]);

  t.comment(`${line.requests} requests, ${line.bytes} bytes`);
  t.ok(line.requests <= requestsMax);
  t.ok(line.bytes < bytesMax, `${line.bytes} bytes`);
  t.ok(line.bytes > 2_000, 'something was counted');
});

/** A caller that counts what goes over the socket in both directions, heads too. Each call has a connection of its own. */
async function openLine({ app, proving }: Service, key: DeviceKey) {
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  const line = async (method: string, path: string, token: string, body?: object): Promise<any> => {
    const headers = {
      ...proving(key, { method, url: path }, token),
      'accept-encoding': 'br',
      ...(method === 'POST' && { 'idempotency-key': crypto.randomUUID(), 'content-type': 'application/json' }),
    };
    const { bytes, status, isBrotli, sent, got } = await new Promise<Answer>((resolve, reject) => {
      const asking = request(`${address}${path}`, { method, headers, agent: false }, async response => {
        const { socket } = response;
        const bytes = await buffer(response);
        const isBrotli = response.headers['content-encoding'] === 'br';
        resolve({ bytes, status: response.statusCode!, isBrotli, sent: socket.bytesWritten, got: socket.bytesRead });
      });
      asking.on('error', reject).end(body && JSON.stringify(body));
    });
    line.requests += 1;
    line.bytes += sent + got;
    const text = (isBrotli ? brotliDecompressSync(bytes) : bytes).toString();
    if (status >= 300) throw new Error(`${method} ${path}: ${text}`);
    return JSON.parse(text);
  };
  line.requests = 0;
  line.bytes = 0;
  return line;
}

interface Answer {
  bytes: Buffer;
  status: number;
  isBrotli: boolean;
  sent: number;
  got: number;
}
