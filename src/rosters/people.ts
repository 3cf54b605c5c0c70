import type { NewMember } from '../households/enrol.ts';
import { isName } from '../http/shapes.ts';
import type { Cells } from './cells.ts';

/** Whether a phone and an ID number of a row are somebody's. */
interface Owned {
  phone: boolean;
  id: boolean;
}

/**
 * Whose the phone and the ID number of a row are. Where it names the head and a member, and does not say what that one is to
 * the head, the phone is the household's, so the head's; an ID number belongs to the name it follows.
 */
export function ownersOf({ written, text, isLeftOf }: Cells): { head: Owned; member: Owned } {
  const all = { phone: true, id: true };
  if (written('head_name') === '' || written('member_name') === '' || text('relation') !== '') {
    return { head: all, member: all };
  }
  const column = text('id_last4') === '' ? 'id_number' : 'id_last4';
  const isHeads = isLeftOf(column, 'member_name');
  return { head: { phone: true, id: isHeads }, member: { phone: false, id: !isHeads } };
}

/** A person of a row, in the column that names him or her. */
export function personOf(cells: Cells, column: 'head_name' | 'member_name', owned: Owned): NewMember {
  const name = cells.written(column);
  if (name !== '' && !isName(name)) cells.wrong(column, 'name-bad');
  const isHead = column === 'head_name';
  const phone = (isHead && phoneOf(cells, 'head_phone')) || (owned.phone && phoneOf(cells, 'phone'));
  const idLast4 = (isHead && idEndOf(cells, 'head_id_number')) || (owned.id && endOfIdOf(cells));
  return { name, phone: phone || null, idLast4: idLast4 || null };
}

const noneWords = new Set(['无', '暂无', '没有', '不详', '-', '--', '—', '——']);

/** The first phone of a cell, digits only but for what joins them; empty where there is none. */
function phoneOf({ text, isNumeric, wrong }: Cells, column: 'phone' | 'head_phone'): string {
  const phones = text(column)
    .split(/[/、,;或]/)
    .map(text => text.trim())
    .filter(text => text !== '' && !noneWords.has(text));
  const first = phones.map(text => digitsOf(text) || text)[0] ?? '';
  if (first === '') return '';
  const phone = isNumeric(column) && lacksZero(first) ? `0${first}` : first;
  if (!/^[0-9+-]{5,20}$/.test(phone)) wrong(column, 'phone-bad');
  return phone;
}

/** A phone without what stands in brackets beside it. Of two with a blank between them, the first: no part of one is as long. */
function digitsOf(text: string): string {
  const plain = text.replace(/\([^()\d]*\)/g, '').trim();
  const [start = ''] = plain.split(/\s/, 1);
  return (/^\d{7,12}$/.test(start) ? start : plain).replace(/[\s()]/g, '');
}

/** An area code and a number, of which a spreadsheet has taken the zero. */
function lacksZero(digits: string): boolean {
  return /^(?:[1-9]\d{9}|[2-9]\d{10})$/.test(digits) && !/^[48]00\d{7}$/.test(digits);
}

/** The last four characters of an ID number, as they stand in a column of their own or at the end of the whole number. */
function endOfIdOf(cells: Cells): string {
  const { text, isNumeric, wrong } = cells;
  const whole = idEndOf(cells, 'id_number');
  const value = noneWords.has(text('id_last4')) ? '' : text('id_last4').toUpperCase();
  if (value === '') return whole;
  const end = isNumeric('id_last4') && /^[0-9]{1,3}$/.test(value) ? value.padStart(4, '0') : value;
  if (!isEnd(end) || (whole !== '' && whole !== end)) wrong('id_last4', 'id-bad');
  return end;
}

/** The end of a whole ID number. The rest of it is not kept. */
function idEndOf({ text, isNumeric, wrong }: Cells, column: 'id_number' | 'head_id_number'): string {
  const value = text(column).replace(/\s/g, '').toUpperCase();
  if (value === '' || noneWords.has(value)) return '';
  if (isEnd(value)) return value;
  if (!/^[0-9]{17}[0-9X]$/.test(value) || isNumeric(column) || isRounded(value)) wrong(column, 'id-number-bad');
  return value.slice(-4);
}

function isEnd(text: string): boolean {
  return /^[0-9]{3}[0-9X]$/.test(text);
}

/** A spreadsheet keeps 15 digits of a number and fills up with zeros: then the check digit is wrong. Source: GB 11643-1999. */
function isRounded(idNumber: string): boolean {
  if (!idNumber.endsWith('000')) return false;
  const sum = [...idNumber].reduce((sum, digit, place) => sum + Number(digit) * (2 ** (17 - place) % 11), 0);
  return sum % 11 !== 1;
}
