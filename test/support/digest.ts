import type pg from 'pg';

/** Moved by every call of a device, and by a clock alone: no change that anybody could mean. */
const restless = ['used_at', 'seen_at'];

/**
 * What every table of the service holds, as one number each: two digests are equal when no row came, went or changed.
 * The queues of jobs are left out, for they move by themselves, and proofs of devices, of which each call leaves one.
 */
export async function digestOf(owner: pg.Client): Promise<Record<string, string>> {
  const { rows: tables } = await owner.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema', 'public', 'jobs')
        and (schemaname, tablename) <> ('identity', 'spent_proof') order by 1`,
  );
  const each = tables.map(
    ({ name }) =>
      `select '${name}' as name, count(*) || ':' || coalesce(sum(hashtextextended((to_jsonb(t) - array['${restless.join("','")}'])::text, 0)::numeric), 0) as digest from ${name} t`,
  );
  // The owner is under row-level security too; this prefix holds every village of a test.
  await owner.query("set jifen.scope = '52'");
  const { rows } = await owner.query<{ name: string; digest: string }>(each.join(' union all '));
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}
