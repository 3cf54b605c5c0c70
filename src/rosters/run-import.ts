import { type Clock, iso } from '../calendar.ts';
import type { Database, Tx } from '../db/database.ts';
import { withoutValues } from '../db/without-values.ts';
import { enrolMany } from '../households/enrol-many.ts';
import { farNumbers } from '../households/numbers.ts';
import { lockRegister } from '../households/register.ts';
import { listGrids } from '../villages/read.ts';
import { compareWithRegister } from './compare-with-register.ts';
import { type Mistake, type MistakeCode, rowOfKey } from './mistakes.ts';
import { type ImportRow, mistakenRows, readContent } from './read.ts';
import { type ReadingTask, readApart } from './read-apart.ts';
import { badRowsOf, type Roster, type RosterHousehold } from './roster.ts';
import { failImport, type ImportKey, lockImport, recordMistakes, updateImport } from './roster-import.ts';
import { mistakeIn } from './rows.ts';
import { type Chosen, readChosen, takeOver } from './take-over.ts';

/** Households of one database transaction: for as long as it takes, the village waits. */
const batchSize = 200;

/** A file that was cut off this often, before anything had come of it, is parked: it may be what ends the process. */
const attemptsMax = 2;

/** What the thread that reads a roster is given. */
export interface RosterTask extends ReadingTask {
  /** Numbers of the village's groups, by number and by name. */
  grids: Map<string, number>;
}

interface World {
  database: Database;
  clock: Clock;
}

/**
 * Reads, checks and, when it is to be, enrols a roster. Nothing is written of a check before it is done, and a household
 * that is entered is counted in the same database transaction: broken off at any point, it starts over and doubles
 * nothing, and two jobs at once do the work of one.
 */
export async function runImport(deps: World, key: ImportKey): Promise<void> {
  const { database, clock } = deps;
  const row = await database.inTransaction(key.village, tx => begin(tx, key, clock.now()));
  if (row === undefined) return;
  try {
    const roster = await read(deps, key, row);
    const state = row.state === 'checking' ? await report(deps, key, { roster, createdBy: row.createdBy }) : row.state;
    if (state === 'committing') await enrolHouseholds(deps, key, roster);
  } catch (error) {
    const mistake = mistakeIn(error);
    if (mistake === undefined) throw withoutValues(error);
    await database.inTransaction(key.village, tx => failImport(tx, key, [ofFile(mistake)], clock.now()));
  }
}

/** The import as it is begun on, or undefined where there is nothing to do. */
async function begin(tx: Tx, key: ImportKey, now: Temporal.Instant): Promise<ImportRow | undefined> {
  const row = await lockImport(tx, key);
  if (!['received', 'checking', 'committing'].includes(row.state)) return undefined;
  if (row.attempts >= attemptsMax) {
    await failImport(tx, key, [ofFile('broken-off-twice')], now);
    return undefined;
  }
  const state = row.state === 'received' ? 'checking' : row.state;
  await updateImport(tx, key, { state, attempts: row.attempts + 1 });
  return { ...row, state };
}

async function read({ database }: World, key: ImportKey, { format, bytes }: ImportRow) {
  const { village, importId } = key;
  const file = await database.inSnapshot(village, db => readContent(db, village, importId, bytes));
  const grids = await database.inSnapshot(village, db => listGrids(db, village));
  const known = new Map(
    grids.flatMap(({ number, name }) => [[name, number] as const, [String(number), number] as const]),
  );
  const task: RosterTask = { file, format, grids: known };
  return readApart<Roster>(new URL('./reading-thread.ts', import.meta.url), task, rows =>
    database.inTransaction(village, tx => updateImport(tx, key, { rows })),
  );
}

/** Writes down what was found, all at once. Answers how the import stands. */
async function report(
  { database, clock }: World,
  key: ImportKey,
  { roster, createdBy }: { roster: Roster; createdBy: string },
): Promise<ImportRow['state']> {
  const { village } = key;
  const [{ there, mistakes, differences }, far] = await database.inSnapshot(
    village,
    async db =>
      [
        await compareWithRegister(db, village, roster.households, createdBy),
        await farNumbers(
          db,
          village,
          roster.households.map(({ number }) => number),
        ),
      ] as const,
  );
  for (const { number, rows } of roster.households) {
    if (far.has(number) && !there.has(number)) {
      mistakes.push({ row: rows[0]!, column: 'number', code: 'number-far', facts: {} });
    }
  }
  // Of a cell that is wrong by itself, the register has nothing to add.
  const placeOf = ({ row, column }: Mistake) => `${row} ${column}`;
  const wrong = new Set(roster.mistakes.map(placeOf));
  roster.mistakes.push(...mistakes.filter(mistake => !wrong.has(placeOf(mistake))));
  const bad = badRowsOf(roster);
  const right = roster.households.filter(({ rows }) => !bad.has(rows[0]!));
  const alreadyThere = right.filter(({ number }) => there.has(number)).length;
  roster.mistakes.push(...differences.filter(({ row }) => !bad.has(row)));
  return database.inTransaction(village, async tx => {
    const row = await lockImport(tx, key);
    if (row.state !== 'checking') return row.state;
    const { encoding, sheet, headerRow, columns, ignored: ignoredColumns, rows } = roster;
    const found = { encoding, sheet, headerRow, columns, ignoredColumns, rows };
    await updateImport(tx, key, found);
    if (roster.households.length === 0) return failImport(tx, key, roster.mistakes, clock.now());
    await recordMistakes(tx, key, roster.mistakes);
    const state = row.dryRun ? 'reported' : 'committing';
    await updateImport(tx, key, {
      state,
      attempts: 0,
      households: roster.households.length,
      good: right.length - alreadyThere,
      alreadyThere,
      reportedAt: iso(clock.now()),
    });
    return state;
  });
}

/**
 * Enrols what the report found good and still is, and takes over what was chosen and nobody has changed. What has come into
 * the register since is left as it is.
 */
async function enrolHouseholds({ database, clock }: World, key: ImportKey, roster: Roster): Promise<void> {
  const { village, importId } = key;
  const [reported, chosen] = await database.inSnapshot(
    village,
    async db => [await mistakenRows(db, village, importId), await readChosen(db, key)] as const,
  );
  const chosenRows = new Set([...chosen.keys()].map(rowOfKey));
  const isChosen = ({ rows }: RosterHousehold) => rows.some(row => chosenRows.has(row));
  const right = roster.households.filter(
    household =>
      !roster.badRows.has(household.rows[0]!) &&
      (isChosen(household) || !household.rows.some(row => reported.has(row))),
  );
  for (let from = 0; from < right.length; from += batchSize) {
    const batch = right.slice(from, from + batchSize);
    await database.inTransaction(village, tx => enterBatch(tx, key, { batch, chosen, isChosen }, clock.now()));
  }
  await database.inTransaction(village, async tx => {
    const row = await lockImport(tx, key);
    if (row.state !== 'committing') return;
    const alreadyThere = row.alreadyThere + row.good - row.entered;
    const end = { state: 'done', good: row.entered, alreadyThere, content: null, endedAt: iso(clock.now()) } as const;
    await updateImport(tx, key, end);
  });
}

async function enterBatch(
  tx: Tx,
  key: ImportKey,
  input: { batch: RosterHousehold[]; chosen: Chosen; isChosen: (household: RosterHousehold) => boolean },
  now: Temporal.Instant,
): Promise<void> {
  const { batch, chosen, isChosen } = input;
  const row = await lockImport(tx, key);
  if (row.state !== 'committing') return;
  await lockRegister(tx, key.village);
  const by = row.committedBy!;
  const { there, mistakes, differences } = await compareWithRegister(tx, key.village, batch, by);
  const { taken, refused } = await takeOver(tx, key, { by, differences, chosen }, now);
  const bad = badRowsOf({ households: batch, mistakes });
  // Of which something was chosen were there, and are not counted as good.
  const awaited = batch.filter(household => !isChosen(household));
  const spoilt = awaited.filter(({ rows }) => bad.has(rows[0]!));
  const fresh = awaited.filter(({ number, rows }) => !there.has(number) && !bad.has(rows[0]!));
  await recordMistakes(tx, key, [...mistakes, ...differences.filter(({ row }) => !bad.has(row)), ...refused]);
  await updateImport(tx, key, {
    attempts: 0,
    entered: row.entered + fresh.length,
    good: row.good - spoilt.length,
    takenOver: row.takenOver + taken.length,
  });
  if (fresh.length > 0) await enrolMany(tx, by, key.village, fresh, now);
}

function ofFile(code: MistakeCode): Mistake {
  return { row: 1, column: '', code, facts: code === 'too-many-rows' ? { number: 20_000 } : {} };
}
