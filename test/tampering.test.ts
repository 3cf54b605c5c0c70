import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { drizzle } from 'drizzle-orm/node-postgres';
import tap, { t } from 'tap';
import { journalJsonl } from '../src/audit/journal.ts';
import { journalCanonical } from '../src/audit/journal-canonical.ts';
import type { Db } from '../src/db/database.ts';
import type { Soundness } from '../src/verification/findings.ts';
import { verifyJournal } from '../src/verification/journal-file.ts';
import { verifyBook } from '../src/verification/verify.ts';
import { home, openBooks } from './support/book.ts';
import {
  columnsOf,
  cutTail,
  type Deed,
  dropConstraints,
  edit,
  fillBook,
  ledgerTables,
  otherDeeds,
  pick,
  randomOf,
  rewriteTail,
} from './support/tampering.ts';

/**
 * Random deeds of a superuser, each of which must be found by whoever holds a checkpoint that is older than the deed. 60
 * of them, and always the same; `JIFEN_TAMPERINGS=200 JIFEN_SEED=$RANDOM node test/tampering.test.ts` does more, and others.
 */
const deeds = Number(process.env.JIFEN_TAMPERINGS ?? 60);
const seed = Number(process.env.JIFEN_SEED ?? 3);
tap.setTimeout(900_000 + deeds * 1_000);

t.test('whoever holds a checkpoint finds every tampering', async t => {
  t.comment(`seed ${seed}, ${deeds} tamperings`);
  const books = await openBooks(t);
  const { oldNumber } = await fillBook(books);
  const untouched = await books.database.inExport(home, db => verifyBook(db, home));
  const last = untouched.number;
  const kept = [{ size: last, root: Buffer.from(untouched.rootHash, 'hex'), origin: 'kept', village: home }];
  const random = randomOf(seed);

  await t.test('an untouched book raises no alarm', async t => {
    t.ok(untouched.sound, findingsOf(untouched));
    t.ok((await books.database.inExport(home, db => verifyBook(db, home, kept))).sound);
    const { rows } = await books.superuser.query(
      `select count(*) filter (where f.key like 'lots:%')::int as lots,
              count(*) filter (where f.key like 'limit:%')::int as limits, count(distinct t.reverses)::int as reversals
         from ledger.transaction t, jsonb_each_text(t.frozen) f where village = $1`,
      [home],
    );
    const { lots, limits, reversals } = rows[0];
    t.ok(lots > 50 && limits > 100 && reversals > 3, `it has ${JSON.stringify(rows[0])}`);
  });

  await t.test('in the database', async t => {
    await books.superuser.query(`${dropConstraints}; set session_replication_role = replica`);
    const after = async (by: string, roots = kept): Promise<Soundness> => {
      await books.superuser.query('begin');
      try {
        await books.superuser.query(by);
        return await verifyBook(drizzle(books.superuser, { casing: 'snake_case' }) as unknown as Db, home, roots);
      } finally {
        await books.superuser.query('rollback');
      }
    };
    const isFound = async ({ what, by, number }: Deed) => {
      const soundness = await after(by);
      t.notOk(soundness.sound, what);
      if (soundness.sound || number === undefined) return;
      // The deed shows where it was done, or right after.
      const place = new RegExp(`^transaction (${number}|${number + 1})\\b|^book$|, transaction ${number} `);
      const isNamed = soundness.checks.some(({ findings }) => findings.some(finding => place.test(finding.place)));
      t.ok(isNamed, `${what} is named${isNamed ? '' : `: ${findingsOf(soundness)}`}`);
    };

    const columns = ledgerTables.flatMap(table => columnsOf(table).map(column => ({ table, column })));
    const { rows } = await books.superuser.query(`
      select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`);
    const tried = columns.map(({ table, column }) => `${table}.${column}`);
    t.same(
      tried.sort(),
      rows.map(row => row.name).sort(),
      'every column of every table of the ledger is tampered with',
    );

    for (const { table, column } of columns) await isFound(edit(random, table, column, last));
    for (const deed of otherDeeds) await isFound(deed(random, last, oldNumber));
    for (let done = columns.length + otherDeeds.length; done < deeds; done += 1) {
      const { table, column } = pick(random, columns);
      await isFound(
        random(3) === 0 ? pick(random, otherDeeds)(random, last, oldNumber) : edit(random, table, column, last),
      );
    }

    await t.test(
      'without the checkpoint a history that is right in itself passes unseen: that is why there is one',
      async t => {
        for (const { what, by } of [cutTail(oldNumber), rewriteTail(1 + random(last))]) {
          t.ok((await after(by, [])).sound, what);
          t.match(
            (await after(by)).checks.filter(({ ok }) => !ok),
            [{ name: 'checkpoints', findings: [{ place: `checkpoint of ${last} transactions (kept)` }] }],
            what,
          );
        }
      },
    );
    t.ok((await after('select')).sound, 'nothing of all this stayed');
  });

  await t.test('in an exported journal', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'jifen-tampering-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'journal');
    const check = async (bytes: Buffer, roots = kept) => {
      await writeFile(path, bytes);
      return verifyJournal(path, roots);
    };
    const whole = { from: '2000-01-01', to: '2999-12-31' };
    const files = {
      canonical: await books.database.inExport(home, db => buffer(journalCanonical(db, home, undefined))),
      jsonl: await books.database.inExport(home, db => buffer(journalJsonl(db, home, whole))),
    };
    for (const [format, bytes] of Object.entries(files)) {
      const found = await check(bytes);
      const { number, headHash, rootHash } = untouched;
      t.match(found, { format, village: home, sound: true, number, headHash, rootHash }, findingsOf(found));

      const separator = format === 'canonical' ? '\n\n' : '\n';
      const texts = bytes.toString().split(separator).slice(0, -1);
      const written = (some: string[]) => Buffer.from(some.map(text => text + separator).join(''));
      t.ok(written(texts).equals(bytes));
      for (let done = 0; done < deeds; done += 1) {
        const at = random(bytes.length);
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at]! + 1 + random(255)) % 256;
        // JSON lines carry hashes of their own; of a text only a checkpoint knows what it was.
        t.notOk(
          (await check(changed, format === 'jsonl' && random(2) === 0 ? [] : kept)).sound,
          `${format}, byte ${at}`,
        );
      }
      const n = random(last - 1);
      t.match(await check(written(texts.toSpliced(n, 1))), { sound: false }, `transaction ${n + 1} gone`);
      t.match(await check(written(texts.slice(0, -1))), { sound: false }, 'the tail cut');
      t.match(await check(bytes.subarray(0, -40)), { sound: false }, 'cut off');
      t.match(await check(written(texts.toSpliced(n, 0, texts[n]!))), { sound: false }, `transaction ${n + 1} twice`);
      const swapped = written(texts.toSpliced(n, 2, texts[n + 1]!, texts[n]!));
      t.match(await check(swapped), { sound: format === 'jsonl' }, 'the order of JSON lines says nothing');
      t.match(
        await check(written(texts.slice(0, -1)), []),
        { sound: true, number: last - 1 },
        'without the checkpoint',
      );
      t.match(await check(bytes, [{ ...kept[0]!, village: '520281127109' }]), { sound: false }, 'of another village');
    }
    for (const other of ['{ "', '{"actorId":"x","']) {
      const tampered = Buffer.from(files.jsonl.toString().replace('{"', other));
      t.match(await check(tampered), { sound: false }, `${other} means the same and is not what was written`);
    }
    t.match(await check(Buffer.from(''), []), { sound: true, number: 0 }, 'an empty book');
    await t.rejects(check(Buffer.from('凭证号,业务日期')), { message: /not a journal/ });
  });
});

function findingsOf({ checks }: Soundness): string {
  return JSON.stringify(checks.flatMap(({ findings }) => findings.slice(0, 3)));
}
