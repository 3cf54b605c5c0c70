import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { t } from 'tap';
import {
  available,
  type Canonical,
  canonicalText,
  give,
  home,
  ids,
  leafOf,
  openBooks,
  sha256,
  sibling,
} from '../support/book.ts';

const vector: Canonical = {
  village: '520281127201',
  number: 1,
  id: '0193563d-2c00-7000-8000-000000000001',
  kind: 'award',
  cause: 'award:0193563d-2bff-7000-8000-0000000000aa',
  businessDate: '2026-11-23',
  occurredAt: '2026-11-23T02:10:00.000Z',
  postedAt: '2026-11-23T02:15:04.123Z',
  actor: '0193563d-0000-7000-8000-00000000000c',
  frozen: { ruleBook: '2026-1', rule: 'ENV01' },
  transfers: [{ from: 'issued', to: `household:${ids.household}:pending`, asset: 'PTS', amount: 5 }],
};
const leafHash = '5942397e5a56a407a294fb8c46a55637024513626fe7ec029ecb02da61dd19e8';
const hash = '43f939b9badb65d01baeae866ec13ea32d2d4ea7024cb6a9724342afbe55ca61';

t.test('the test vector', async t => {
  const books = await openBooks(t);
  const inSql = (content: Canonical) => textInSql(books.superuser, content);

  await t.test('in TypeScript', async t => {
    const text = canonicalText(vector);
    t.equal(Buffer.byteLength(text), 389);
    t.equal(leafOf(text).toString('hex'), leafHash);
    t.equal(sha256(sha256(''), leafOf(text)).toString('hex'), hash);
    const page = await readFile(new URL('../../docs/canonical.md', import.meta.url), 'utf8');
    for (const content of [`\`\`\`\n${text}\`\`\``, leafHash, hash])
      t.ok(page.includes(content), 'as docs/canonical.md has it');
  });

  await t.test('in SQL', async t => {
    const text = await inSql(vector);
    t.equal(text, canonicalText(vector));
    const { rows } = await books.superuser.query(
      `select encode(ledger.leaf($1), 'hex') as leaf, encode(sha256(sha256('') || ledger.leaf($1)), 'hex') as hash`,
      [text],
    );
    t.strictSame(rows[0], { leaf: leafHash, hash });
  });

  await t.test('whatever the session’s time zone and date style', async t => {
    await books.superuser.query(
      "set timezone = 'Asia/Shanghai'; set datestyle = 'SQL, DMY'; set intervalstyle = iso_8601",
    );
    t.equal(await inSql(vector), canonicalText(vector));
    await books.superuser.query('reset all');
  });

  await t.test('both write the same text of any transaction', async () => {
    await fc.assert(
      fc.asyncProperty(transactions, async content => (await inSql(content)) === canonicalText(content)),
      { numRuns: 200 },
    );
  });

  await t.test('different transactions have different texts', async t => {
    // A text from which its transaction can be read back belongs to no other.
    fc.assert(
      fc.property(transactions, content => assert.deepStrictEqual(readBack(canonicalText(content)), content)),
      { numRuns: 1_000 },
    );
    // Neighbours in particular: what one writes in a memo, the other has as lines of its own.
    const forged = { ...vector, memo: 'x\nline PTS 5 issued redeemed' };
    const honest = { ...vector, memo: 'x', transfers: [...vector.transfers, forged.transfers[0]!] };
    t.not(canonicalText(forged), canonicalText(honest));
    t.not(canonicalText({ ...vector, memo: '\\n' }), canonicalText({ ...vector, memo: '\n' }));
    t.not(canonicalText({ ...vector, memo: '' }), canonicalText({ ...vector, memo: null }));
  });

  await t.test('frozen names that could forge a text are refused', async t => {
    const invalid: unknown[] = [
      { 'a b': 'c' },
      { 'a\nline': 'c' },
      { 'a\fb': 'c' },
      { 'a\vb': 'c' },
      { a: 5 },
      { a: null },
      { a: ['b'] },
      { 'limit:mine': '1/1' },
      { 'lots:1': '2027-11-30=5' },
    ];
    const command = give(1, { frozen: { a: '5' } });
    for (const terms of invalid) {
      const forged = { ...command, frozen: terms as Record<string, string> };
      await t.rejects(books.post([forged]), { cause: { code: 'JF003' } }, JSON.stringify(terms));
    }
    t.equal(await books.balance(available), 0);
    await books.post([command], { village: sibling });
    const again = { ...command, frozen: { a: 5 } as unknown as Record<string, string> };
    await t.rejects(books.post([again], { village: sibling }), { cause: { code: 'JF003' } }, 'nor as a repetition');
  });

  await t.test('what is posted hashes as the document says', async t => {
    await books.post([
      give(5, { memo: '第一组\n清扫 \\ 50%', frozen: { rule: 'ENV01', 规则: '垃圾分类', Rule: 'b' } }),
      give(3, { approver: ids.secretary, limits: [{ key: 'h7:ENV01:2026-11', use: 1, max: 4, code: 'cap-reached' }] }),
    ]);
    const { rows: transactions } = await books.superuser.query(`
      select village, number, id, kind, cause, business_date::text as "businessDate", actor, approver, reverses, memo,
             frozen, posted_at as "postedAt", occurred_at as "occurredAt", leaf_hash, hash
        from ledger.transaction where village = '${home}' order by number`);
    let head = sha256('');
    for (const row of transactions) {
      const { rows: transfers } = await books.superuser.query(
        `select t.asset, t.amount::int, a.code as "from", b.code as "to" from ledger.transfer t
           join ledger.account a on a.village = t.village and a.number = t.from_account
           join ledger.account b on b.village = t.village and b.number = t.to_account
          where t.village = '${home}' and t.number = $1 order by line`,
        [row.number],
      );
      const content = {
        ...row,
        transfers,
        postedAt: row.postedAt.toISOString(),
        occurredAt: row.occurredAt.toISOString(),
      };
      const leaf = leafOf(canonicalText(content));
      t.equal(leaf.toString('hex'), row.leaf_hash.toString('hex'), `leaf of ${row.number}`);
      head = sha256(head, leaf);
      t.equal(head.toString('hex'), row.hash.toString('hex'), `hash of ${row.number}`);
    }
    t.equal(transactions.length, 2);
    t.match(transactions[1].frozen, { 'limit:h7:ENV01:2026-11': '1/4' });
  });
});

async function textInSql(client: Awaited<ReturnType<typeof openBooks>>['superuser'], content: Canonical) {
  const lines = content.transfers.map(line => `\nline ${line.asset} ${line.amount} ${line.from} ${line.to}`).join('');
  const { rows } = await client.query(
    `select ledger.canonical(jsonb_populate_record(null::ledger.transaction, $1::jsonb), $2) as text`,
    [
      JSON.stringify({
        village: content.village,
        number: content.number,
        id: content.id,
        kind: content.kind,
        cause: content.cause,
        business_date: content.businessDate,
        occurred_at: content.occurredAt,
        posted_at: content.postedAt,
        actor: content.actor,
        approver: content.approver,
        reverses: content.reverses,
        memo: content.memo,
        frozen: content.frozen,
      }),
      lines,
    ],
  );
  return rows[0].text as string;
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('\\', '\n', '\r', ' ', 'n', 'r', 'line', '中'), maxLength: 8 }),
);
const name = fc.string({
  unit: fc.constantFrom('a', 'B', 'z', '中', '\\', ':', '𠮷', '￥'),
  minLength: 1,
  maxLength: 4,
});
const uuid = fc.uuid();
const instant = fc
  .date({ min: new Date('2020-01-01T00:00:00Z'), max: new Date('2099-12-31T00:00:00Z'), noInvalidDate: true })
  .map(date => date.toISOString());
const code = fc.constantFrom('issued', 'redeemed', 'lost', available);
const transactions: fc.Arbitrary<Canonical> = fc.record(
  {
    village: fc.constantFrom('520281127101', '520281127102'),
    number: fc.integer({ min: 1, max: 1_000_000 }),
    id: uuid,
    kind: fc.constantFrom('award', 'redemption'),
    cause: fc.string({ unit: fc.constantFrom('a', ':', '-', '_', '.', '9'), minLength: 1, maxLength: 12 }),
    businessDate: instant.map(at => at.slice(0, 10)),
    occurredAt: instant,
    postedAt: instant,
    actor: uuid,
    approver: fc.option(uuid),
    reverses: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
    memo: fc.option(text.filter(value => !value.includes('\0'))),
    frozen: fc.dictionary(
      name,
      text.filter(value => !value.includes('\0')),
      { maxKeys: 4, noNullPrototype: true },
    ),
    transfers: fc.array(
      fc.record(
        {
          asset: fc.constantFrom('PTS' as const, 'HON' as const),
          amount: fc.integer({ min: 1, max: 1_000_000 }),
          from: code,
          to: code,
        },
        { noNullPrototype: true },
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { noNullPrototype: true },
);

function readBack(text: string): Canonical {
  const [format, ...lines] = text.split('\n');
  if (format !== 'jifen/1' || lines.pop() !== '') throw new Error('not a canonical text');
  const content: Record<string, unknown> = { approver: null, reverses: null, memo: null, frozen: {}, transfers: [] };
  for (const line of lines) {
    const [, key, value] = /^(\S+) (.*)$/s.exec(line)!;
    if (key === 'frozen') {
      const [, name, terms] = /^(\S+) (.*)$/s.exec(value!)!;
      (content.frozen as Record<string, string>)[name!] = readValue(terms!);
    } else if (key === 'line') {
      const [asset, amount, from, to] = value!.split(' ');
      (content.transfers as unknown[]).push({ asset, amount: Number(amount), from, to });
    } else content[key!] = ['number', 'reverses'].includes(key!) ? Number(value) : readValue(value!);
  }
  return content as unknown as Canonical;
}

function readValue(value: string): string {
  return value.replace(/\\(.)/g, (_, sign: string) => ({ n: '\n', r: '\r' })[sign] ?? sign);
}
