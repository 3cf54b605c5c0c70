import { findAllowance } from '../allowances/read.ts';
import { iso } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { type KioskKey, suspendByItself } from '../kiosks/kiosk.ts';
import { getKioskRow, type KioskRow } from '../kiosks/read.ts';
import { findRedemptionOfOp } from '../redemptions/redemption.ts';
import { Refusal } from '../refusals.ts';
import { openCase } from './cases.ts';
import { effectiveOp, type Head, lockHead, moveHead, type OpRow, opsByHash, readHead } from './chain.ts';
import { momentOf } from './clock.ts';
import { postHandOver } from './hand-over.ts';
import { type Op, type RedeemOp, readOp, type SignedOp } from './signed-op.ts';
import { type Answer, op as opTable } from './tables.ts';
import { postVoid } from './void.ts';

/** What the device is told of an operation now, and the verdict that stands. */
interface OpResult extends Answer {
  firstVerdict: Answer['verdict'];
}

interface Taken extends Head {
  results: OpResult[];
}

/**
 * Takes operations that a device signed while it had no network, each in a database transaction of its own, in the order of
 * their numbers whatever order they come in. What was taken before is answered as it was then. Nothing is refused for its
 * age, nor because the device is suspended or retired: the goods are gone.
 *
 * An operation that does not follow from those before it is kept and opens a case, and suspends the device; those that do
 * follow go on being taken, whichever branch came first.
 * @throws Refusal `not-found` | `op-gap` (facts: `expectedSeq`): something before them is missing
 */
export async function takeOps(
  database: Database,
  key: KioskKey,
  jwss: readonly string[],
  { importedBy }: { importedBy: string | null },
  now: Temporal.Instant,
): Promise<Taken> {
  const { village } = key;
  const kiosk = await database.inSnapshot(village, db => getKioskRow(db, village, key.kioskId));
  const device = { kioskId: kiosk.id, publicKey: kiosk.publicKey };
  const signed = await Promise.all([...new Set(jwss)].map(jws => readOp(jws, device)));
  const inOrder = [...signed].sort((a, b) => seqOf(a) - seqOf(b));
  await refuseGap(database, key, kiosk, inOrder);
  const results = new Map<string, OpResult>();
  for (const op of inOrder) {
    const result = await database.inTransaction(village, tx => takeOne(tx, key, op, importedBy, now));
    results.set(op.jws, result);
  }
  const head = await database.inSnapshot(village, db => readHead(db, key, kiosk.thumbprint));
  return { results: jwss.map(jws => results.get(jws)!), ...head };
}

function seqOf(signed: SignedOp): number {
  return signed.kind === 'foreign' ? 0 : signed.links.seq;
}

/** Whether what comes first is here or known: nothing is posted of an upload with a hole in it. */
async function refuseGap(database: Database, key: KioskKey, kiosk: KioskRow, inOrder: SignedOp[]): Promise<void> {
  const linked = inOrder.filter(signed => signed.kind !== 'foreign');
  await database.inSnapshot(key.village, async db => {
    const { ackedSeq } = await readHead(db, key, kiosk.thumbprint);
    const asked = linked.flatMap(({ hash, links }) => [hash, links.prev]);
    const known = new Set((await opsByHash(db, key, asked)).keys());
    let next = ackedSeq + 1;
    for (const { hash, links } of linked) {
      if (links.seq > next && !known.has(links.prev)) throw new Refusal('op-gap', { expectedSeq: next });
      if (links.seq === next) next += 1;
      known.add(hash);
    }
  });
}

async function takeOne(
  tx: Tx,
  key: KioskKey,
  signed: SignedOp,
  importedBy: string | null,
  now: Temporal.Instant,
): Promise<OpResult> {
  const kiosk = await getKioskRow(tx, key.village, key.kioskId);
  const head = await lockHead(tx, key, kiosk.thumbprint);
  const prev = signed.kind === 'foreign' ? [] : [signed.links.prev];
  const known = await opsByHash(tx, key, [signed.hash, ...prev]);
  const stored = known.get(signed.hash);
  if (stored !== undefined) return { ...stored.answer, verdict: 'duplicate', firstVerdict: stored.verdict };
  const entry = { tx, key, signed, importedBy, now };
  if (signed.kind === 'foreign') return refuse(entry, 'op-refused');

  const { seq } = signed.links;
  const fits = seq === head.ackedSeq + 1 && (head.ackedHash ?? signed.links.prev) === signed.links.prev;
  if (!fits) {
    // Beyond what is expected, and after nothing that we know: not a branch, but a hole.
    if (seq > head.ackedSeq + 1 && !known.has(signed.links.prev)) {
      throw new Refusal('op-gap', { expectedSeq: head.ackedSeq + 1 });
    }
    await suspendByItself(tx, key, 'cloned', now);
    return refuse(entry, 'op-chain-broken');
  }
  const happened =
    signed.kind === 'good'
      ? momentOf(signed.op, { earliest: await earliestOf(tx, kiosk, head.ackedAt, signed.op), latest: now })
      : null;
  await moveHead(tx, key, { ackedSeq: seq, ackedHash: signed.hash }, happened === null ? undefined : iso(happened.at));
  if (signed.kind === 'offSchema' || happened === null) return refuse(entry, 'op-refused', true);
  return apply(entry, kiosk, signed, happened);
}

/** No operation happened before the device was paired, the one before it, or the allowance it spends. */
async function earliestOf(tx: Tx, kiosk: KioskRow, ackedAt: string | null, op: Op): Promise<Temporal.Instant> {
  const allowance = op.type === 'redeem' ? await findAllowance(tx, kiosk.village, op.allowanceId) : undefined;
  const bounds = [kiosk.pairedAt, ackedAt ?? '', allowance?.kioskId === kiosk.id ? allowance.grantedAt : ''];
  return Temporal.Instant.from(bounds.sort().at(-1)!);
}

interface Entry {
  tx: Tx;
  key: KioskKey;
  signed: SignedOp;
  importedBy: string | null;
  now: Temporal.Instant;
}

async function apply(
  entry: Entry,
  kiosk: KioskRow,
  { op }: Extract<SignedOp, { kind: 'good' }>,
  happened: { at: Temporal.Instant; doubtful: boolean },
): Promise<OpResult> {
  const { tx, key, signed, now } = entry;
  const about = { inChain: true, happenedAt: iso(happened.at), type: op.type };
  if (op.type === 'note') return keep(entry, about, { verdict: 'applied' });
  const known = await findRedemptionOfOp(tx, key.village, op.opId);
  // The same exchange, made online while its answer was lost: it is in the book already.
  if (known !== undefined && op.type === 'redeem' && isSame(known, op)) {
    return keep(entry, { ...about, redemptionId: known.id }, { verdict: 'duplicate', redemptionId: known.id });
  }
  if (known !== undefined || (await effectiveOp(tx, key.village, op.opId)) !== undefined) {
    return refuse(entry, 'op-refused', true);
  }
  const posted =
    op.type === 'redeem'
      ? await postHandOver(tx, kiosk, op, happened, now)
      : await postVoid(tx, kiosk, op, happened, now);
  if (posted === null) return refuse(entry, 'op-refused', true);
  const { exceptions, householdId, redemptionId, transactionNumber, allowanceId, paidPoints } = posted;
  const result = await keep(
    entry,
    {
      ...about,
      householdId,
      redemptionId,
      allowanceId,
      paidPoints,
      ...(op.type === 'void' && { voidsOpId: op.voidsOpId }),
    },
    {
      verdict: exceptions.length === 0 ? 'applied' : 'appliedWithException',
      exceptions,
      redemptionId,
      transactionNumber,
    },
  );
  if (exceptions.length > 0) {
    await openCase(tx, key, { kind: 'exception', opHash: signed.hash, householdId, exceptions }, now);
  }
  return result;
}

/** Whether a redemption is the exchange of an operation, and not another under its id. */
function isSame(known: { householdId: string; points: number }, { householdId, lines }: RedeemOp): boolean {
  const points = lines.reduce((sum, line) => sum + line.unitPoints * line.quantity, 0);
  return known.householdId === householdId && known.points === points;
}

/** Keeps an operation that cannot be posted; two people look at it. */
async function refuse(entry: Entry, code: NonNullable<Answer['code']>, inChain = false): Promise<OpResult> {
  const { tx, key, signed, now } = entry;
  const result = await keep(entry, { inChain }, { verdict: 'rejected', code });
  const kind = code === 'op-refused' ? 'opRefused' : 'chainBroken';
  // Two people may book it yet: whoever is kin of the household that it names is none of them.
  const householdId = signed.kind === 'good' && signed.op.type === 'redeem' ? signed.op.householdId : null;
  await openCase(tx, key, { kind, opHash: signed.hash, householdId, exceptions: [] }, now);
  return result;
}

async function keep(
  { tx, key, signed, importedBy, now }: Entry,
  about: Partial<OpRow> & Pick<OpRow, 'inChain'>,
  said: Partial<Answer> & Pick<Answer, 'verdict'>,
): Promise<OpResult> {
  const { opId, seq } = signed.kind === 'foreign' ? { opId: null, seq: null } : signed.links;
  const nothing = { exceptions: [], code: null, redemptionId: null, transactionNumber: null };
  const answer: Answer = { opId, seq, ...nothing, ...said };
  await tx.insert(opTable).values({
    ...key,
    hash: signed.hash,
    jws: signed.jws,
    opId,
    seq,
    ...about,
    verdict: answer.verdict,
    answer,
    receivedAt: iso(now),
    importedBy,
  });
  return { ...answer, firstVerdict: answer.verdict };
}
