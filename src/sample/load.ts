import { sql } from 'drizzle-orm';
import { type Clock, dayOf, startOf } from '../calendar.ts';
import { type Database, type Db, rowsOf, type Tx } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { enrol, type NewHousehold } from '../households/enrol.ts';
import type { Actor, Role } from '../http/route.ts';
import { createFirstAdmin } from '../identity/first-admin.ts';
import { hashSecret } from '../identity/passwords.ts';
import type { Sealer } from '../identity/sealing.ts';
import { setSecondFactor } from '../identity/second-factor.ts';
import { createUser } from '../identity/users.ts';
import { adoptRuleBook } from '../rules/adopt.ts';
import { draftRuleBook } from '../rules/draft.ts';
import { importRules } from '../rules/import-rules.ts';
import { draftStockDocument, postStockDocument } from '../stock/documents.ts';
import { createGoods, createStore, type NewGoods } from '../store/goods.ts';
import { publishPriceList } from '../store/prices.ts';
import { createDivision, createGrid, openVillage } from '../villages/open.ts';
import { setPolicy } from '../villages/policy.ts';
import { defaultPolicy, type PolicySettings } from '../villages/policy-settings.ts';
import { type Row, readSample, readSampleText, sampleVillage } from './files.ts';
import { type SignIns, sampleStaff } from './sign-ins.ts';
import { makeTestHouseholds, newTestPins, type TestHousehold } from './test-households.ts';

/** The staff as actors, by login. */
type Staff = (login: string) => Actor;

/** First day of the sample village's book: its month of events is October 2026. */
const openedOn = '2026-10-01';

/** The last morning of its month of events. */
const monthEnd = Temporal.Instant.from('2026-10-31T09:00:00+08:00');

/**
 * What the sample village departs from the defaults in, so that its month can be replayed: direct awards are spendable
 * at once, and whatever happened since the book opened may still be entered.
 */
const samplePolicy: PolicySettings = {
  ...defaultPolicy,
  directAwardPublicityDays: 0,
  directAwardMaxPoints: 30,
  backdateDays: 3650,
  kioskBackdateDays: 3650,
  redemptionsPerDay: 3,
  exchangeDays: [
    { weekday: 5, dayOfMonth: null, opens: '09:00', closes: '17:00' },
    { weekday: null, dayOfMonth: 15, opens: '09:00', closes: '17:00' },
  ],
};

/**
 * After that month a till is open at any hour, so that whoever tries the sample need not wait for a Friday, and an order
 * soon needs the PIN.
 */
const laterPolicy: PolicySettings = {
  ...samplePolicy,
  redemptionsPerDay: 50,
  pinAbovePoints: 10,
  exchangeDays: Array.from({ length: 7 }, (_, n) => ({
    weekday: n + 1,
    dayOfMonth: null,
    opens: '00:00',
    closes: '24:00',
  })),
};
const laterFrom = '2026-11-01';

/** True when nothing was ever entered: no division, no user. */
export async function isEmpty(db: Db): Promise<boolean> {
  const [row] = await rowsOf<{ empty: boolean }>(
    db,
    sql`select not exists (select from villages.division) and not exists (select from identity.user) as empty`,
  );
  return row!.empty;
}

/**
 * Loads 封家湾社区 into an empty database, all in one database transaction: whoever kills it half-way finds it empty
 * again. Of several processes that start at once one loads it, and the others wait for that.
 *
 * @param begin is called by the one that loads, before anything is written
 * @param keepTests is given the test households, whose card codes are nowhere else, before all of this is committed
 * @param progress hears of each step, from 0 to 1
 * @returns whether this process has loaded it
 */
export async function loadSample(
  deps: { database: Database; clock: Clock; sealer: Sealer; jobs: Jobs },
  signIns: SignIns,
  {
    begin,
    keepTests,
    progress,
  }: {
    begin: () => Promise<void>;
    keepTests: (made: TestHousehold[]) => Promise<void>;
    progress: (done: number, step: string) => void;
  },
): Promise<boolean> {
  const now = deps.clock.now();
  progress(0, 'passwords');
  const hashes = new Map<string, string>();
  for (const [login, { password }] of Object.entries(signIns)) hashes.set(login, await hashSecret(password));
  const pins = await newTestPins(hashSecret);
  const files = {
    regions: await readSample('regions.csv'),
    grids: await readSample('grids.csv'),
    goods: await readSample('goods.csv'),
    households: await readSample('households-sample.csv'),
    events: await readSample('events-sample.csv'),
  };

  return deps.database.inTransaction(sampleVillage, async tx => {
    await withoutTimeouts(tx);
    await tx.execute(sql`select pg_advisory_xact_lock(7231, 4)`);
    if (!(await isEmpty(tx))) return false;
    await begin();
    progress(0.1, 'regions');
    for (const row of files.regions) await createDivision(tx, divisionOf(row));
    progress(0.2, 'staff');
    const staff = await makeStaff(tx, hashes, now);
    for (const [login, { totpSecret }] of Object.entries(signIns)) {
      if (totpSecret === null) continue;
      await setSecondFactor(tx, deps.sealer, { id: staff(login).id, secret: totpSecret }, now);
    }
    progress(0.3, 'village');
    await openVillage(tx, staff('admin'), { village: sampleVillage, openedOn }, now);
    await setPolicy(tx, staff('secretary1'), sampleVillage, { validFrom: openedOn, ...samplePolicy }, now);
    // A later policy is decided on before its first day.
    const decidedAt = [now, monthEnd].sort(Temporal.Instant.compare)[0]!;
    await setPolicy(tx, staff('secretary1'), sampleVillage, { validFrom: laterFrom, ...laterPolicy }, decidedAt);
    for (const row of files.grids.filter(row => row.village_code === sampleVillage)) {
      await createGrid(tx, sampleVillage, { number: Number(row.number), name: row.name! });
    }
    progress(0.4, 'rules');
    await makeRules(tx, staff, now);
    progress(0.5, 'store');
    // The stock is there when the village opens: whatever is handed out was there on that day.
    const opening = startOf(Temporal.PlainDate.from(openedOn));
    const stock = { goods: files.goods, needed: neededStock(files.events) };
    const shop = await makeStore(tx, staff, stock, { now, opening });
    progress(0.7, 'households');
    await enrol(tx, staff('clerk1'), sampleVillage, files.households.map(householdOf), now);
    progress(0.9, 'test households');
    // In a book that opens later nothing can be entered yet.
    const actors = { clerk: staff('clerk1'), storekeeper: staff('storekeeper1') };
    const open = dayOf(now).toString() >= openedOn;
    await keepTests(open ? await makeTestHouseholds(tx, deps.jobs, actors, shop, pins, now) : []);
    progress(1, 'done');
    return true;
  });
}

/**
 * The assembly's books, each drafted by the first secretary and put in force by the county. The month of events has one of
 * its own, by which awards wait for no notice: only so can whoever earned in the morning spend in the afternoon. The book
 * after it leaves that to the policy. A second book is adopted before its first day, hence no later than that month.
 */
async function makeRules(tx: Tx, staff: Staff, now: Temporal.Instant): Promise<void> {
  const rules = importRules(await readSampleText('rules.csv'));
  const atOnce = rules.map(rule => (rule.direction === 'award' ? { ...rule, publicity: 'exempt' as const } : rule));
  const [adoptedAt] = [now, monthEnd].sort(Temporal.Instant.compare);
  const resolution = { heldOn: '2026-09-25', present: 46, votesFor: 41, votesAgainst: 3, abstained: 2 };
  for (const { inForceFrom, ...book } of [
    { title: '2026年10月试行积分细则', rules: atOnce, inForceFrom: openedOn },
    { title: '2026年积分细则', rules, inForceFrom: '2026-11-01' },
  ]) {
    const draft = await draftRuleBook(tx, staff('secretary1'), sampleVillage, book, adoptedAt!);
    const key = { village: sampleVillage, ruleBookId: draft.id };
    await adoptRuleBook(tx, staff('supervisor1'), key, { inForceFrom, resolution }, adoptedAt!);
  }
}

/**
 * The store with its goods, their prices, and an opening stock that one person wrote down and another agreed to. Answers
 * the store, and goods that the month of events leaves there.
 */
async function makeStore(
  tx: Tx,
  staff: Staff,
  stock: { goods: Row[]; needed: Map<string, number> },
  { now, opening }: { now: Temporal.Instant; opening: Temporal.Instant },
): Promise<{ storeId: string; goodsId: string }> {
  const secretary = staff('secretary1');
  const store = await createStore(
    tx,
    secretary,
    sampleVillage,
    { name: '封家湾积分超市', place: '社区服务中心一楼' },
    now,
  );
  const items: { goodsId: string; points: number }[] = [];
  const lines: { goodsId: string; quantity: number; costFen: number }[] = [];
  for (const row of stock.goods) {
    const isService = row.is_service === 'true';
    const minStock = isService ? 0 : Number(row.min_stock);
    const goods = await createGoods(
      tx,
      staff('storekeeper1'),
      sampleVillage,
      goodsOf(row, { isService, minStock }),
      now,
    );
    items.push({ goodsId: goods.id, points: Number(row.price_points) });
    const quantity = (stock.needed.get(row.sku!) ?? 0) + 2 * minStock;
    if (!isService && quantity > 0) lines.push({ goodsId: goods.id, quantity, costFen: Number(row.cost_fen) });
  }
  await publishPriceList(tx, secretary, sampleVillage, { validFrom: openedOn, items }, now);
  const receipt = { type: 'receipt' as const, storeId: store.id, reason: '开业备货', lines };
  const document = await draftStockDocument(tx, staff('storekeeper1'), sampleVillage, receipt, opening);
  await postStockDocument(tx, secretary, { village: sampleVillage, documentId: document.id }, opening);
  // Goods of which more lie there than the month hands out.
  const soySauce = stock.goods.findIndex(({ sku }) => sku === 'G014');
  return { storeId: store.id, goodsId: items[soySauce]!.goodsId };
}

function goodsOf(row: Row, { isService, minStock }: { isService: boolean; minStock: number }): NewGoods {
  return {
    sku: row.sku!,
    name: row.name!,
    nameEn: row.name_en!,
    unit: row.unit!,
    barcode: row.barcode === '' ? null : row.barcode!,
    category: row.category!,
    isService,
    minStock,
    costFen: Number(row.cost_fen),
  };
}

/** Pieces that the month hands out, by sku. */
function neededStock(events: Row[]): Map<string, number> {
  const needed = new Map<string, number>();
  for (const { kind, sku, quantity } of events) {
    if (kind === 'redeem') needed.set(sku!, (needed.get(sku!) ?? 0) + Number(quantity));
  }
  return needed;
}

/** Loading takes longer than any request may. Names this server does not know are left out. */
async function withoutTimeouts(tx: Tx): Promise<void> {
  await tx.execute(sql`
    select set_config(name, '0', true) from pg_settings
     where name in ('lock_timeout', 'statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`);
}

function divisionOf(row: Row) {
  return {
    code: row.code!,
    level: row.level as 'province' | 'city' | 'county' | 'town' | 'village',
    parentCode: row.parent_code === '' ? null : row.parent_code!,
    name: row.name!,
    kind: row.kind!,
    provisional: row.provisional === 'true',
    households: row.households === '' ? null : Number(row.households),
  };
}

/** Only the head of a household has a name in the file; the others are numbered. */
function householdOf(row: Row): NewHousehold {
  const head = { name: row.head_name!, phone: row.phone!, idLast4: row.id_last4! };
  const others = Array.from({ length: Number(row.members) - 1 }, (_, n) => ({ name: `家庭成员${n + 2}` }));
  return { number: row.number!, grid: Number(row.grid_number), members: [head, ...others] };
}

/** Makes the staff: the administrator first, who appoints, and so on down. Answers each as an actor. */
async function makeStaff(tx: Tx, hashes: Map<string, string>, now: Temporal.Instant): Promise<Staff> {
  const made = new Map<string, Actor>();
  for (const { login, name, role, prefix } of sampleStaff) {
    // Made by a program, and written down for whoever runs it.
    const input = { login, name, passwordHash: hashes.get(login)!, oneTimeUntil: null };
    const appointer = made.get(appointerOf(role));
    const id =
      appointer === undefined
        ? await createFirstAdmin(tx, input, now)
        : (await createUser(tx, appointer, { ...input, grant: { role, prefix } }, now)).id;
    made.set(login, actorFor(id, role, prefix));
  }
  return login => made.get(login)!;
}

function appointerOf(role: Role): string {
  if (role === 'supervisor' || role === 'auditor' || role === 'villageAdmin') return 'admin';
  // With a few reviewers a secretary would decide alone: they are the supervisor's to appoint.
  return role === 'reviewer' ? 'supervisor1' : 'secretary1';
}

function actorFor(id: string, role: Role, prefix: string): Actor {
  return {
    kind: 'staff',
    id,
    client: id,
    sessionId: id,
    grants: [[role, prefix]],
    kioskId: null,
    householdId: null,
    level: null,
  };
}
