import type { NewHousehold, NewMember } from '../households/enrol.ts';
import { folded, numberKey } from '../households/folding.ts';
import { isName } from '../http/shapes.ts';
import { type Column, type Columns, columnsOf, visible } from './columns.ts';
import type { Mistake, MistakeCode } from './mistakes.ts';
import { type RosterRow, unreadable } from './rows.ts';

const membersMax = 30;

export interface RosterHousehold extends NewHousehold {
  number: string;
  members: [NewMember, ...NewMember[]];
  /** The row of each member, the head's first; those who are only counted have none. */
  rows: number[];
}

export interface Roster {
  /** Rows below the header. */
  rows: number;
  ignored: string[];
  households: RosterHousehold[];
  mistakes: Mistake[];
  /** Rows of households that have a mistake somewhere. */
  badRows: Set<number>;
}

interface Draft extends RosterHousehold {
  counted: string;
}

/**
 * Puts the rows of a roster together to households, and finds what is wrong with them by themselves: what the register
 * says against them is another's to find. A row with a head begins a household; one with a member only belongs to the
 * household above.
 *
 * @param grids numbers of the village's groups, by number and by name
 * @param progress told every thousand rows
 * @throws `unreadable`
 */
export async function readRoster(
  rows: AsyncIterable<RosterRow>,
  grids: Map<string, number>,
  progress: (rows: number) => void,
): Promise<Roster> {
  const roster: Roster = { rows: 0, ignored: [], households: [], mistakes: [], badRows: new Set() };
  const drafts: Draft[] = [];
  let reader: ReturnType<typeof rowReader> | undefined;
  for await (const { row, cells } of rows) {
    if (reader === undefined) {
      const { columns, ignored, mistakes } = columnsOf(cells);
      Object.assign(roster, { ignored, mistakes });
      if (mistakes.length > 0) return roster;
      reader = rowReader(columns, cells.length, roster);
      continue;
    }
    roster.rows += 1;
    if (roster.rows % 1_000 === 0) progress(roster.rows);
    addRow(drafts, reader({ row, cells }), grids);
  }
  if (roster.rows === 0) throw unreadable('file-empty');
  for (const draft of drafts) countMembers(draft, roster);
  findTwice(drafts, roster);
  roster.households = drafts.map(({ counted: _, ...household }) => household);
  roster.badRows = badRowsOf(roster);
  return roster;
}

/** What is wrong with one of a household's rows is wrong with the household. */
export function badRowsOf({ households, mistakes }: Pick<Roster, 'households' | 'mistakes'>): Set<number> {
  const wrong = new Set(mistakes.map(({ row }) => row));
  return new Set(households.filter(({ rows }) => rows.some(row => wrong.has(row))).flatMap(({ rows }) => rows));
}

interface Cells {
  row: number;
  /** Text of a column without blanks around it; letters and digits as narrow ones. */
  text: (column: Column) => string;
  wrong: (column: Column | '', code: MistakeCode, facts?: Mistake['facts']) => void;
}

function rowReader(columns: Columns, width: number, { mistakes }: Roster) {
  return ({ row, cells }: RosterRow): Cells => {
    const wrong: Cells['wrong'] = (column, code, facts = {}) => mistakes.push({ row, column, code, facts });
    if (cells.slice(width).some(cell => cell.trim() !== '')) wrong('', 'row-too-long');
    const cellOf = (column: Column) => (cells[columns.get(column) ?? -1] ?? '').normalize('NFKC').trim();
    for (const column of columns.keys())
      if (cellOf(column) !== visible(cellOf(column))) wrong(column, 'control-character');
    return { row, text: column => visible(cellOf(column)), wrong };
  };
}

function addRow(drafts: Draft[], cells: Cells, grids: Map<string, number>): void {
  const { row, text, wrong } = cells;
  const above = drafts.at(-1);
  const number = text('number').toUpperCase();
  if (text('head_name') === '' && text('member_name') !== '') {
    if (above === undefined || (number !== '' && number !== above.number)) wrong('number', 'member-astray');
    else addMember(above, cells);
    return;
  }
  if (number === '') wrong('number', 'number-missing');
  else if (!/^[A-Z]?[0-9]{1,8}$/.test(number)) wrong('number', 'number-bad');
  if (text('head_name') === '') wrong('head_name', 'head-missing');
  const grid = text('grid_number');
  if (grid !== '' && !grids.has(grid)) wrong('grid_number', 'grid-unknown');
  if (text('address').length > 120) wrong('address', 'address-bad');
  drafts.push({
    number,
    grid: grids.get(grid) ?? null,
    address: text('address') || null,
    members: [personOf(cells, 'head_name')],
    rows: [row],
    counted: text('members'),
  });
}

function addMember(household: Draft, cells: Cells): void {
  if (household.members.length === membersMax) cells.wrong('member_name', 'too-many-members', { number: membersMax });
  household.rows.push(cells.row);
  if (household.members.length < membersMax) household.members.push(personOf(cells, 'member_name'));
}

function personOf({ text, wrong }: Cells, column: 'head_name' | 'member_name'): NewMember {
  const name = text(column);
  const phone = text('phone').replaceAll(' ', '');
  const idLast4 = text('id_last4').toUpperCase();
  if (name !== '' && !isName(name)) wrong(column, 'name-bad');
  if (phone !== '' && !/^[0-9+-]{5,20}$/.test(phone)) wrong('phone', 'phone-bad');
  if (idLast4 !== '' && !/^[0-9]{3}[0-9X]$/.test(idLast4)) wrong('id_last4', 'id-bad');
  return { name, phone: phone || null, idLast4: idLast4 || null };
}

/** People who are only counted have no name in the roster: they are numbered. */
function countMembers(household: Draft, { mistakes }: Roster): void {
  const { counted, members, rows } = household;
  if (counted === '') return;
  const wrong = (code: MistakeCode, facts = {}) => mistakes.push({ row: rows[0]!, column: 'members', code, facts });
  if (!/^[0-9]{1,6}$/.test(counted) || Number(counted) < members.length) return void wrong('members-bad');
  if (Number(counted) > membersMax) return void wrong('too-many-members', { number: membersMax });
  for (let place = members.length; place < Number(counted); place += 1) members.push({ name: `家庭成员${place + 1}` });
}

/** Numbers and people that stand in the roster twice; the first of them may stay. */
function findTwice(drafts: Draft[], { mistakes }: Roster): void {
  const numbers = new Map<string, number>();
  const people = new Map<string, { row: number; person: NewMember }[]>();
  for (const { number, members, rows } of drafts) {
    const first = numbers.get(numberKey(number));
    if (first !== undefined) {
      mistakes.push({ row: rows[0]!, column: 'number', code: 'number-twice', facts: { row: first } });
    } else if (number !== '') numbers.set(numberKey(number), rows[0]!);
    for (const [place, row] of rows.entries()) {
      const person = members[place];
      if (person === undefined || (!person.idLast4 && !person.phone)) continue;
      const namesakes = people.getOrInsertComputed(folded(person.name), () => []);
      const other = namesakes.find(namesake => isSamePerson(namesake.person, person));
      if (other === undefined) namesakes.push({ row, person });
      else {
        const column = place === 0 ? 'head_name' : 'member_name';
        mistakes.push({ row, column, code: 'person-twice', facts: { row: other.row } });
      }
    }
  }
}

/** What `households.same_person` says of two people of one name. */
function isSamePerson(one: NewMember, other: NewMember): boolean {
  if (one.idLast4 && other.idLast4) return one.idLast4 === other.idLast4;
  return !!one.phone && one.phone === other.phone;
}
