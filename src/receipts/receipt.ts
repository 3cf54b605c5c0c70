import { zone } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { maskName } from '../households/masking.ts';
import { getHousehold } from '../households/read.ts';
import type { Actor } from '../http/route.ts';
import { householdAccount } from '../ledger/accounts.ts';
import { balanceThrough } from '../ledger/read.ts';
import type { PrintJobView } from '../printing/read.ts';
import { getRedemption, type RedemptionView } from '../redemptions/read.ts';
import { getReturn, type ReturnView } from '../redemptions/read-returns.ts';
import { spokenNumber } from '../redemptions/speech.ts';
import { getStore } from '../store/read.ts';
import { getVillage } from '../villages/read.ts';
import { type Block, type Columns, printed } from './text.ts';

export interface ReceiptView {
  number: string;
  /** Number an offline kiosk would have printed; null for what was made online. */
  opNumber: string | null;
  synced: boolean;
  /** When what it tells happened. */
  at: string;
  columns: Columns;
  blocks: Block[];
  text: string;
  speech: string;
}

/** What is on the paper: above the goods, the goods, and below. */
interface Paper {
  order: RedemptionView;
  title: string;
  at: string;
  lines: { name: string; quantity: number; points: number }[];
  sums: [label: string, value: string][];
  speech: string;
}

const titles = {
  reserved: '预约单',
  fulfilled: '兑换小票',
  cancelled: '已取消',
  expired: '已过期',
  returned: '已退货',
} as const;

const returnTitles = { proposed: '退货申请（待审核）', approved: '退货小票', rejected: '退货未通过' } as const;

/** What a paper is printed for, and how. A copy says on top that it is one. */
interface Printing {
  columns: Columns;
  copy: boolean;
}

/**
 * The receipt of a redemption as it stands, with the balance after its last transaction: printed again, it says the
 * same. Names are masked, for paper is lost.
 * @throws Refusal `not-found`
 */
export async function makeReceipt(
  db: Db,
  actor: Actor,
  village: string,
  redemptionId: string,
  printing: Printing,
): Promise<ReceiptView> {
  const order = await getRedemption(db, actor, village, redemptionId);
  const left = await leftAfter(db, village, order.householdId, order.transactionNumbers.at(-1)!);
  const inPart = order.state === 'fulfilled' && order.returnedPoints > 0;
  const paper: Paper = {
    order,
    title: `${titles[order.state]}${inPart ? '（部分退货）' : ''}${order.backEntry ? '（补录）' : ''}`,
    at: order.handedOverAt ?? order.since,
    lines: order.lines.flatMap(line => [line, ...(line.returnedQuantity === 0 ? [] : [backOf(line)])]),
    sums: [
      ['合计', `${order.points} 分`],
      ...(order.returnedPoints === 0 ? [] : [['已退积分', `${order.returnedPoints} 分`] as [string, string]]),
      ['剩余积分', `${left} 分`],
      ['凭证号', order.transactionNumbers.join('、')],
      ...(order.proxy === null
        ? []
        : [['代领人', `${maskName(order.proxy.name)}（${order.proxy.relation}）`] as [string, string]]),
      ...(order.state === 'reserved' ? [['取货期限', localTime(order.expiresAt!)] as [string, string]] : []),
      ...(order.pickupCode === null ? [] : [['取货码', order.pickupCode] as [string, string]]),
    ],
    speech: speechOf(order, left),
  };
  return onPaper(db, actor, village, paper, printing);
}

/**
 * What a print job prints. A kiosk prints for the household that stood there, and so the code of its slip too.
 * @throws Refusal `not-found`
 */
export async function makePrint(
  db: Db,
  actor: Actor,
  village: string,
  job: PrintJobView,
  columns: Columns,
): Promise<ReceiptView> {
  const printing = { columns, copy: job.copy };
  const asked = actor.kind === 'kiosk' ? await householdAt(db, actor, village, job.redemptionId) : actor;
  return job.returnId === null
    ? makeReceipt(db, asked, village, job.redemptionId, printing)
    : makeReturnReceipt(db, asked, village, job.returnId, printing);
}

async function householdAt(db: Db, kiosk: Actor, village: string, redemptionId: string): Promise<Actor> {
  const { householdId } = await getRedemption(db, kiosk, village, redemptionId);
  return { ...kiosk, kind: 'household', householdId };
}

/** The receipt of a return, whatever was decided. @throws Refusal `not-found` */
export async function makeReturnReceipt(
  db: Db,
  actor: Actor,
  village: string,
  returnId: string,
  printing: Printing,
): Promise<ReceiptView> {
  const back = await getReturn(db, village, returnId);
  const order = await getRedemption(db, actor, village, back.redemptionId);
  const prices = new Map(order.lines.map(line => [line.goodsId, line.unitPoints]));
  const posted = back.transactionNumber;
  const left = posted === null ? null : await leftAfter(db, village, order.householdId, posted);
  const paper: Paper = {
    order,
    title: returnTitles[back.state],
    at: back.decidedAt ?? back.proposedAt,
    lines: back.lines.map(line => ({ ...line, points: line.quantity * prices.get(line.goodsId)! })),
    sums: [
      [back.state === 'approved' ? '退回积分' : '申请退回', `${back.points} 分`],
      ...(left === null ? [] : [['剩余积分', `${left} 分`] as [string, string]]),
      ...(posted === null ? [] : [['凭证号', String(posted)] as [string, string]]),
      ['原因', back.reason],
    ],
    speech: returnSpeech(back, left),
  };
  return onPaper(db, actor, village, paper, printing);
}

function backOf(line: { name: string; returnedQuantity: number; unitPoints: number }) {
  return { name: '　已退', quantity: line.returnedQuantity, points: -line.returnedQuantity * line.unitPoints };
}

async function leftAfter(db: Db, village: string, householdId: string, number: number): Promise<number> {
  return balanceThrough(db, village, { code: householdAccount(householdId, 'available'), asset: 'PTS' }, number);
}

async function onPaper(
  db: Db,
  actor: Actor,
  village: string,
  paper: Paper,
  { columns, copy }: Printing,
): Promise<ReceiptView> {
  const { order, speech } = paper;
  const { number, headName } = await getHousehold(db, actor, village, order.householdId);
  const { name: villageName } = await getVillage(db, village);
  const { name: storeName } = await getStore(db, village, order.storeId);
  const labels = { place: `${villageName} ${storeName}`, who: `${number} ${maskName(headName)}`, copy };
  const blocks = blocksOf(paper, labels, columns);
  return {
    number: order.number,
    opNumber: null,
    synced: true,
    at: paper.at,
    columns,
    blocks,
    text: printed(blocks, columns),
    speech,
  };
}

function blocksOf(paper: Paper, labels: { place: string; who: string; copy: boolean }, columns: Columns): Block[] {
  const { order, title, at, lines, sums } = paper;
  const fact = (label: string, value: string): Block => ({
    kind: 'row',
    cells: [
      { text: label, width: 10 },
      { text: value, width: columns - 10, align: 'right' },
    ],
  });
  const centred = (text: string, size = 1): Block => ({ kind: 'text', align: 'center', size, text });
  return [
    centred('积分超市', 2),
    centred(labels.place),
    centred(title),
    ...(labels.copy ? [centred('【补打】')] : []),
    { kind: 'rule' },
    fact('单号', order.number),
    fact('户', labels.who),
    fact('时间', localTime(at)),
    { kind: 'rule' },
    ...lines.map(
      ({ name, quantity, points }): Block => ({
        kind: 'row',
        cells: [
          { text: `${name} ×${quantity}`, width: columns - 8 },
          { text: String(points), width: 8, align: 'right' },
        ],
      }),
    ),
    { kind: 'rule' },
    ...sums.map(([label, value]) => fact(label, value)),
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

function speechOf(order: RedemptionView, pointsLeft: number): string {
  const left = `还剩${spokenNumber(pointsLeft)}分`;
  const used = spokenNumber(order.points);
  switch (order.state) {
    case 'reserved':
      return `预约成功，留出${used}分，${left}，请${spokenDay(order.expiresAt!)}之前取货。`;
    case 'fulfilled':
      return order.returnedPoints === 0
        ? `兑换成功，用去${used}分，${left}。`
        : `兑换用去${used}分，已退回${spokenNumber(order.returnedPoints)}分，${left}。`;
    case 'cancelled':
      return `预约已取消，退回${used}分，${left}。`;
    case 'expired':
      return `预约已过期，退回${used}分，${left}。`;
    case 'returned':
      return `退货成功，退回${spokenNumber(order.returnedPoints)}分，${left}。`;
  }
}

function returnSpeech(back: ReturnView, left: number | null): string {
  if (left !== null) return `退货成功，退回${spokenNumber(back.points)}分，还剩${spokenNumber(left)}分。`;
  return back.state === 'proposed' ? '退货已经登记，等待审核。' : '退货没有通过。';
}

/** 十一月二十三日十点十分, in Asia/Shanghai. */
function spokenDay(instant: string): string {
  const { month, day, hour, minute } = Temporal.Instant.from(instant).toZonedDateTimeISO(zone);
  const minutes = minute === 0 ? '' : `${minute < 10 ? '零' : ''}${spokenNumber(minute)}分`;
  return `${spokenNumber(month)}月${spokenNumber(day)}日${spokenNumber(hour)}点${minutes}`;
}
