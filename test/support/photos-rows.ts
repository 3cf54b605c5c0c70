import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { iso } from '../../src/calendar.ts';
import { photo } from '../../src/photos/tables.ts';
import { nobody, type Service, villages } from './service.ts';

/** A photo of a household, as if it had been uploaded: its row, without a picture. Answers its id and digest. */
export async function makePhoto(
  service: Service,
  householdId: string,
  fields: { sha256?: Buffer; village?: string } = {},
): Promise<{ id: string; sha256: Buffer }> {
  const { sha256 = randomBytes(32), village = villages.own } = fields;
  const id = randomUUIDv7();
  await service.inVillage(village, tx =>
    tx.insert(photo).values({
      village,
      id,
      householdId,
      sha256,
      bytes: 120_000,
      width: 1600,
      height: 1200,
      views: [1n],
      uploadedBy: nobody.id,
      uploadedAt: iso(service.clock.now()),
    }),
  );
  return { id, sha256 };
}
