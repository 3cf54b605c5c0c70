import type { NewHousehold, NewMember } from '../households/enrol.ts';
import { folded, numberKey } from '../households/folding.ts';
import { isLine } from '../http/shapes.ts';
import { type Cells, cellsReader } from './cells.ts';
import type { Header } from './columns.ts';
import type { Mistake, MistakeCode } from './mistakes.ts';
import { ownersOf, personOf } from './people.ts';
import { type OpenRoster, unreadable } from './rows.ts';

const membersMax = 30;

export interface RosterHousehold extends NewHousehold {
  number: string;
  members: [NewMember, ...NewMember[]];
  /** The row of each member, the head's first; those who are only counted have none. */
  rows: number[];
}

export interface Roster {
  encoding: string;
  sheet: string | null;
  headerRow: number;
  columns: Header['understood'];
  /** Rows below the header. */
  rows: number;
  ignored: string[];
  households: RosterHousehold[];
  mistakes: Mistake[];
  /** Rows of households that have a mistake somewhere. */
  badRows: Set<number>;
}

interface Draft extends Omit<RosterHousehold, 'members'> {
  members: NewMember[];
  /** Whether the head has a row, is only named in those of others, or was not heard of yet. */
  head: 'listed' | 'named' | 'awaited';
  /** The group and the number of people as they are written. */
  group: string;
  counted: string;
}

/**
 * Puts the rows of a roster together to households, and finds what is wrong with them by themselves: what the register
 * says against them is another's to find. Offices list households in three ways, and mix them:
 * a row with a head begins a household, and rows with a member only belong to the household above;
 * a row names the head and a member; or
 * each row is a person, with the household's number and what the person is to its head.
 *
 * @param grids numbers of the village's groups, by number and by name
 * @param progress told every thousand rows
 * @throws `unreadable`
 */
export async function readRoster(
  { encoding, sheet, otherSheets, header, rows }: OpenRoster,
  grids: Map<string, number>,
  progress: (rows: number) => void,
): Promise<Roster> {
  const { ignored, understood: columns, mistakes } = header;
  const roster: Roster = {
    ...{ encoding, sheet, headerRow: header.row, columns, ignored, mistakes: [...mistakes] },
    ...{ rows: 0, households: [], badRows: new Set() },
  };
  if (mistakes.length > 0) return roster;
  if (otherSheets > 0) {
    roster.mistakes.push({ row: 1, column: '', code: 'sheets-left', facts: { number: otherSheets } });
  }
  const drafts: Draft[] = [];
  const read = cellsReader(header, roster.mistakes);
  for await (const row of rows) {
    roster.rows += 1;
    if (roster.rows % 1_000 === 0) progress(roster.rows);
    const cells = read(row);
    if (cells !== undefined) addRow(drafts, cells, grids);
  }
  if (roster.rows === 0) throw unreadable('file-empty');
  for (const draft of drafts) countMembers(draft, roster);
  findTwice(drafts, roster);
  roster.households = drafts.map(({ head: _, group: __, counted: ___, members, ...household }) => ({
    ...household,
    members: members as [NewMember, ...NewMember[]],
  }));
  roster.badRows = badRowsOf(roster);
  return roster;
}

/** What is wrong with one of a household's rows is wrong with the household. */
export function badRowsOf({ households, mistakes }: Pick<Roster, 'households' | 'mistakes'>): Set<number> {
  const wrong = new Set(mistakes.map(({ row }) => row));
  return new Set(households.filter(({ rows }) => rows.some(row => wrong.has(row))).flatMap(({ rows }) => rows));
}

/** Words for the head of household in the column that says what somebody is to the head. */
const headWords = new Set(['户主', '本人', '户主本人', '本户户主', '自己', 'head', 'self']);

function addRow(drafts: Draft[], cells: Cells, grids: Map<string, number>): void {
  const { text, written, wrong } = cells;
  const [head, member, relation] = [written('head_name'), written('member_name'), text('relation').toLowerCase()];
  const number = numberOf(cells);
  const last = drafts.at(-1);
  const above = last && (number === '' || numberKey(number) === numberKey(last.number)) ? last : undefined;
  const begin = () => beginHousehold(drafts, cells, grids);

  if (member === '') return void listHead(begin(), cells, 'head_name');
  const isHead = relation === '' ? isNamesake(head, member) : headWords.has(relation);
  if (isHead) {
    if (head !== '' && !isNamesake(head, member)) wrong('head_name', 'head-differs');
    const isAwaited =
      above && (above.head === 'awaited' || (above.head === 'named' && isNamesake(headOf(above), member)));
    listHead(isAwaited ? above : begin(), cells, 'member_name');
    return;
  }
  const isOfAbove = above && (head === '' || above.head === 'awaited' || isNamesake(head, headOf(above)));
  if (isOfAbove) addMember(above, cells);
  else if (head !== '') {
    const household = begin();
    if (relation === '') listHead(household, cells, 'head_name');
    else nameHead(household, cells);
    addMember(household, cells);
  } else if (relation !== '' && number !== '') addMember(begin(), cells);
  else wrong('number', 'member-astray');
}

function numberOf({ text }: Cells): string {
  return text('number').toUpperCase();
}

function headOf({ members }: Draft): string {
  return members[0]!.name;
}

function isNamesake(one: string, other: string): boolean {
  return one !== '' && folded(one) === folded(other);
}

function beginHousehold(drafts: Draft[], cells: Cells, grids: Map<string, number>): Draft {
  const { text, written, wrong } = cells;
  const number = numberOf(cells);
  if (number === '') wrong('number', 'number-missing');
  else if (!/^[A-Z]?[0-9]{1,8}$/.test(number)) wrong('number', 'number-bad');
  const group = written('grid_number');
  const grid = grids.get(group) ?? grids.get(text('grid_number'));
  if (group !== '' && grid === undefined) wrong('grid_number', 'grid-unknown');
  const address = written('address');
  if (address !== '' && (address.length > 120 || !isLine(address))) wrong('address', 'address-bad');
  const draft: Draft = {
    ...{ number, grid: grid ?? null, address: address || null, members: [], rows: [] },
    ...{ head: 'awaited', group, counted: text('members') },
  };
  drafts.push(draft);
  return draft;
}

/** The head, whose row this is. Members may have come before. */
function listHead(household: Draft, cells: Cells, column: 'head_name' | 'member_name'): void {
  if (cells.written(column) === '') cells.wrong(column, 'head-missing');
  const isNamed = household.head === 'named';
  household.members.splice(0, isNamed ? 1 : 0, personOf(cells, column, ownersOf(cells).head));
  household.rows.splice(0, isNamed ? 1 : 0, cells.row);
  household.head = 'listed';
}

/** The head, who is named in the row of somebody else. */
function nameHead(household: Draft, cells: Cells): void {
  household.members.push(personOf(cells, 'head_name', { phone: false, id: false }));
  household.rows.push(cells.row);
  household.head = 'named';
}

function addMember(household: Draft, cells: Cells): void {
  const { members, rows } = household;
  household.counted ||= cells.text('members');
  const person = personOf(cells, 'member_name', ownersOf(cells).member);
  const [head] = members;
  // Whoever lists the people of a house may list its head among them.
  if (household.head !== 'awaited' && isNamesake(head!.name, person.name) && !isOther(head!, person)) {
    members[0] = { name: head!.name, phone: head!.phone ?? person.phone, idLast4: head!.idLast4 ?? person.idLast4 };
    return;
  }
  if (members.length === membersMax) cells.wrong('member_name', 'too-many-members', { number: membersMax });
  rows.push(cells.row);
  if (members.length < membersMax) members.push(person);
}

function isOther(one: NewMember, other: NewMember): boolean {
  return !!one.idLast4 && !!other.idLast4 && one.idLast4 !== other.idLast4;
}

/** People who are only counted have no name in the roster: they are numbered. */
function countMembers(household: Draft, { mistakes }: Roster): void {
  const { counted, members, rows, head } = household;
  if (head === 'awaited') mistakes.push({ row: rows[0]!, column: 'head_name', code: 'head-missing', facts: {} });
  if (counted === '') return;
  const wrong = (code: MistakeCode, facts = {}) => mistakes.push({ row: rows[0]!, column: 'members', code, facts });
  if (!/^[0-9]{1,6}$/.test(counted) || Number(counted) < members.length) return void wrong('members-bad');
  if (Number(counted) > membersMax) return void wrong('too-many-members', { number: membersMax });
  for (let place = members.length; place < Number(counted); place += 1) members.push({ name: `家庭成员${place + 1}` });
}

/** Numbers and people that stand in the roster twice; the first of them may stay. */
function findTwice(drafts: Draft[], { mistakes }: Roster): void {
  const numbers = new Map<string, Draft>();
  const twice: { first: Draft; again: Draft }[] = [];
  const people = new Map<string, { row: number; person: NewMember }[]>();
  for (const draft of drafts) {
    const { number, members, rows } = draft;
    const first = numbers.get(numberKey(number));
    if (first !== undefined) twice.push({ first, again: draft });
    else if (number !== '') numbers.set(numberKey(number), draft);
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
  mistakes.push(...numbersTwice(twice, drafts.length));
}

/** Where each group counts from 1, which a few slips do not show, no number may stay as it is. */
function numbersTwice(twice: { first: Draft; again: Draft }[], households: number): Mistake[] {
  const isAcross = ({ first, again }: (typeof twice)[number]) => first.group !== again.group;
  const perGroup = twice.filter(isAcross).length * 4 >= households;
  return twice.flatMap(pair => {
    const [row, again] = [pair.first.rows[0]!, pair.again.rows[0]!];
    const code = perGroup && isAcross(pair) ? 'number-per-group' : 'number-twice';
    const second: Mistake = { row: again, column: 'number', code, facts: { row } };
    return code === 'number-twice' ? [second] : [{ ...second, row, facts: { row: again } }, second];
  });
}

/** What `households.same_person` says of two people of one name. */
function isSamePerson(one: NewMember, other: NewMember): boolean {
  if (one.idLast4 && other.idLast4) return one.idLast4 === other.idLast4;
  return !!one.phone && one.phone === other.phone;
}
