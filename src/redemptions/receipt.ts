import { zone } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { maskName } from '../households/masking.ts';
import { getHousehold } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { householdAccount } from '../ledger/accounts.ts';
import { balanceThrough } from '../ledger/read.ts';
import { getStore } from '../store/read.ts';
import { getVillage } from '../villages/read.ts';
import { type Block, columns, printed } from './printing.ts';
import { getRedemption, type RedemptionView } from './read.ts';
import { listReturns } from './read-returns.ts';
import { spokenNumber } from './speech.ts';

interface ReceiptView {
  number: string;
  /** Number an offline kiosk would have printed; null for what was made online. */
  opNumber: string | null;
  synced: boolean;
  columns: number;
  blocks: Block[];
  text: string;
  speech: string;
}

const titles = {
  reserved: '预约单',
  fulfilled: '兑换小票',
  cancelled: '已取消',
  expired: '已过期',
  returned: '已退货',
} as const;

/**
 * The receipt of a redemption as it stands, with the balance after its last transaction: printed again, it says the
 * same. Names are masked, for paper is lost.
 * @throws Refusal `not-found`
 */
export async function makeReceipt(db: Db, actor: Actor, village: string, redemptionId: string): Promise<ReceiptView> {
  const order = await getRedemption(db, actor, village, redemptionId);
  const account = { code: householdAccount(order.householdId, 'available'), asset: 'PTS' } as const;
  const left = await balanceThrough(db, village, account, order.transactionNumbers.at(-1)!);
  const { number, headName } = await getHousehold(db, actor, village, order.householdId);
  const { name: villageName } = await getVillage(db, village);
  const { name: storeName } = await getStore(db, village, order.storeId);
  const blocks = blocksOf(order, {
    left,
    place: `${villageName} ${storeName}`,
    who: `${number} ${maskName(headName)}`,
  });
  const back = order.state === 'returned' ? await pointsBack(db, village, order.id) : order.points;
  return {
    number: order.number,
    opNumber: null,
    synced: true,
    columns,
    blocks,
    text: printed(blocks),
    speech: speechOf(order, { left, back }),
  };
}

function blocksOf(order: RedemptionView, labels: { left: number; place: string; who: string }): Block[] {
  const fact = (label: string, value: string): Block => ({
    kind: 'row',
    cells: [
      { text: label, width: 10 },
      { text: value, width: columns - 10, align: 'right' },
    ],
  });
  return [
    { kind: 'text', align: 'center', size: 2, text: '积分超市' },
    { kind: 'text', align: 'center', size: 1, text: labels.place },
    {
      kind: 'text',
      align: 'center',
      size: 1,
      text: order.backEntry ? `${titles[order.state]}（补录）` : titles[order.state],
    },
    { kind: 'rule' },
    fact('单号', order.number),
    fact('户', labels.who),
    fact('时间', localTime(order.handedOverAt ?? order.since)),
    { kind: 'rule' },
    ...order.lines.map(
      (line): Block => ({
        kind: 'row',
        cells: [
          { text: `${line.name} ×${line.quantity}`, width: 24 },
          { text: String(line.points), width: 8, align: 'right' },
        ],
      }),
    ),
    { kind: 'rule' },
    fact('合计', `${order.points} 分`),
    fact('剩余积分', `${labels.left} 分`),
    fact('凭证号', order.transactionNumbers.join('、')),
    ...(order.state === 'reserved' ? [fact('取货期限', localTime(order.expiresAt!))] : []),
    ...(order.pickupCode === null ? [] : [fact('取货码', order.pickupCode)]),
    { kind: 'qr', text: order.number },
    { kind: 'feed', lines: 3 },
    { kind: 'cut' },
  ];
}

/** 2026-11-23 10:10, in Asia/Shanghai. */
function localTime(instant: string): string {
  const local = Temporal.Instant.from(instant).toZonedDateTimeISO(zone);
  return `${local.toPlainDate()} ${local.toPlainTime().toString({ smallestUnit: 'minute' })}`;
}

function speechOf(order: RedemptionView, points: { left: number; back: number }): string {
  const left = `还剩${spokenNumber(points.left)}分`;
  const used = spokenNumber(order.points);
  const back = spokenNumber(points.back);
  switch (order.state) {
    case 'reserved':
      return `预约成功，留出${used}分，${left}，请${spokenDay(order.expiresAt!)}之前取货。`;
    case 'fulfilled':
      return `兑换成功，用去${used}分，${left}。`;
    case 'cancelled':
      return `预约已取消，退回${back}分，${left}。`;
    case 'expired':
      return `预约已过期，退回${back}分，${left}。`;
    case 'returned':
      return `退货成功，退回${back}分，${left}。`;
  }
}

/** 十一月二十三日十点十分, in Asia/Shanghai. */
function spokenDay(instant: string): string {
  const { month, day, hour, minute } = Temporal.Instant.from(instant).toZonedDateTimeISO(zone);
  const minutes = minute === 0 ? '' : `${minute < 10 ? '零' : ''}${spokenNumber(minute)}分`;
  return `${spokenNumber(month)}月${spokenNumber(day)}日${spokenNumber(hour)}点${minutes}`;
}

/** As many pieces as an order has: 20 kinds of goods, 100 of each. */
const returnsMax = 2_000;

async function pointsBack(db: Db, village: string, redemptionId: string): Promise<number> {
  const { data } = await listReturns(db, village, { redemptionId, state: 'approved', limit: returnsMax });
  return data.reduce((sum, back) => sum + back.points, 0);
}
