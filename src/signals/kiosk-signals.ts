import { sql } from 'drizzle-orm';
import { iso } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { evidenceOf, type Signal, type Span, severityOf, spanOf } from './signal.ts';

/** Two days: a village office is closed on Sundays, and a kiosk may be switched off for the night. */
const silentFromHours = 48;

/** Kiosks that nobody has heard of: broken, stolen, or without a network, and with points of households on them. */
export async function kioskSignals(db: Db, { village, toAt }: Span, now: Temporal.Instant): Promise<Signal[]> {
  const until = Temporal.Instant.compare(now, toAt) < 0 ? iso(now) : toAt;
  const found = await evidenceOf(
    db,
    sql`
    select array[id] as "kioskIds", floor(extract(epoch from ${until}::timestamptz - heard) / 3600)::integer as count,
           ${spanOf(sql`heard`)}
      from (select id, coalesce(seen_at, paired_at) as heard
              from kiosks.kiosk where village = ${village} and state = 'active') k
     where heard <= ${until}::timestamptz - make_interval(hours => ${silentFromHours})
     group by id, heard
     order by heard, id`,
  );
  return found.map(evidence => ({
    kind: 'kioskSilent',
    severity: severityOf(evidence.count, silentFromHours),
    zh: `终端已有 ${evidence.count} 小时没有联系`,
    en: `A kiosk has not been heard from for ${evidence.count} hours`,
    evidence,
  }));
}
