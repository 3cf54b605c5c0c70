import { createHash } from 'node:crypto';
import { compactVerify, importJWK, type JWK } from 'jose';
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Id, Instant } from '../http/shapes.ts';

/*
 * An operation as a device signs it: a compact JWS (RFC 7515, ES256, `typ: jifen-op+jws`), numbered and chained by the
 * SHA-256 of the one before. Members that we do not know are left alone: what was handed over counts, whatever a later app
 * writes beside it.
 */

const Seq = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Hash = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

/** What every operation has, whatever it is about. */
const LinksShape = Type.Object({ opId: Id('ID.'), kioskId: Id('ID.'), seq: Seq, prev: Hash });

const Moment = {
  ...LinksShape.properties,
  occurredAt: Instant('When it happened, by the device’s clock.'),
  /** Server time less the device's, when they last spoke. */
  clockOffsetMs: Type.Optional(Type.Integer({ minimum: -31_622_400_000, maximum: 31_622_400_000 })),
};

const Redeem = Type.Object({
  ...Moment,
  type: Type.Literal('redeem'),
  householdId: Id('ID.'),
  cardId: Id('ID.'),
  allowanceId: Id('ID.'),
  priceListId: Id('ID.'),
  lines: Type.Array(
    Type.Object({
      goodsId: Id('ID.'),
      quantity: Type.Integer({ minimum: 1, maximum: 100 }),
      unitPoints: Type.Integer({ minimum: 1, maximum: 100_000 }),
    }),
    { minItems: 1, maxItems: 20 },
  ),
});
const Void = Type.Object({
  ...Moment,
  type: Type.Literal('void'),
  voidsOpId: Id('ID.'),
  reason: Type.String({ minLength: 1, maxLength: 200 }),
});
const Note = Type.Object({
  ...Moment,
  type: Type.Literal('note'),
  text: Type.String({ minLength: 1, maxLength: 1_000 }),
});

type Links = Static<typeof LinksShape>;
export type RedeemOp = Static<typeof Redeem>;
export type VoidOp = Static<typeof Void>;
type NoteOp = Static<typeof Note>;
export type Op = RedeemOp | VoidOp | NoteOp;

const [isLinked, isRedeem, isVoid, isNote] = [checked(LinksShape), checked(Redeem), checked(Void), checked(Note)];

/** What stands in an upload. */
export type SignedOp = { jws: string; hash: string } & (
  | { kind: 'good'; links: Links; op: Op }
  /** Signed by the device and in its chain, but nothing that we know how to do. */
  | { kind: 'offSchema'; links: Links }
  /** Not signed by this device, or not for it. */
  | { kind: 'foreign' }
);

/** Reads an operation and verifies its signature. Never throws for what was sent. */
export async function readOp(jws: string, device: { kioskId: string; publicKey: JWK | null }): Promise<SignedOp> {
  const hash = hashOf(jws);
  const payload = await verified(jws, device.publicKey);
  if (!isLinked(payload) || payload.kioskId !== device.kioskId) return { jws, hash, kind: 'foreign' };
  const { opId, kioskId, seq, prev } = payload;
  const links = { opId, kioskId, seq, prev };
  if (isRedeem(payload) || isVoid(payload) || isNote(payload)) return { jws, hash, kind: 'good', links, op: payload };
  return { jws, hash, kind: 'offSchema', links };
}

/** How the next operation names this one. */
function hashOf(jws: string): string {
  return createHash('sha256').update(jws).digest('base64url');
}

async function verified(jws: string, publicKey: JWK | null): Promise<unknown> {
  if (publicKey === null) return null;
  try {
    const key = await importJWK(publicKey, 'ES256');
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ['ES256'] });
    if (protectedHeader.typ !== 'jifen-op+jws') return null;
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return null;
  }
}

function checked<T extends TSchema>(schema: T): (value: unknown) => value is Static<T> {
  const compiled = Compile(schema);
  return (value): value is Static<T> => compiled.Check(value);
}
