import t from 'tap';
import { isOpen, nextOpening } from '../../src/redemptions/exchange-days.ts';

const friday = { weekday: 5, dayOfMonth: null, opens: '09:00', closes: '17:00' };
const fifteenth = { weekday: null, dayOfMonth: 15, opens: '10:00', closes: '12:00' };
const open = (instant: string) => isOpen([friday, fifteenth], Temporal.Instant.from(instant));
const next = (instant: string) => nextOpening([friday, fifteenth], Temporal.Instant.from(instant));

t.test('open from the first minute up to the last', async t => {
  // Friday, 27 November 2026, in Shanghai.
  t.equal(open('2026-11-27T08:59:59.999+08:00'), false);
  t.equal(open('2026-11-27T09:00:00+08:00'), true);
  t.equal(open('2026-11-27T16:59:59.999+08:00'), true);
  t.equal(open('2026-11-27T17:00:00+08:00'), false);
  t.equal(open('2026-11-26T10:00:00+08:00'), false, 'a Thursday');
  t.equal(open('2026-11-27T01:00:00Z'), true, 'the day is Shanghai’s, wherever the clock stands');
  t.equal(open('2026-12-15T10:00:00+08:00'), true, 'the fifteenth, a Tuesday');
  t.equal(open('2026-12-15T09:59:59.999+08:00'), false);
  t.equal(open('2026-12-15T12:00:00+08:00'), false);
  const allDay = [{ weekday: 5, dayOfMonth: null, opens: '00:00', closes: '24:00' }];
  const at = (instant: string) => isOpen(allDay, Temporal.Instant.from(instant));
  t.same([at('2026-11-27T00:00:00+08:00'), at('2026-11-27T23:59:59.999+08:00')], [true, true], 'to its last moment');
  t.same([at('2026-11-26T23:59:59.999+08:00'), at('2026-11-28T00:00:00+08:00')], [false, false]);
});

t.test('the next opening', async t => {
  t.equal(next('2026-11-23T02:00:00Z'), '2026-11-27T01:00:00.000Z');
  t.equal(next('2026-11-27T08:59:59+08:00'), '2026-11-27T01:00:00.000Z', 'today still');
  t.equal(next('2026-11-27T09:00:00+08:00'), '2026-12-04T01:00:00.000Z', 'open now: the one after');
  t.equal(next('2026-12-12T00:00:00+08:00'), '2026-12-15T02:00:00.000Z');
  t.equal(nextOpening([], Temporal.Instant.from('2026-11-23T02:00:00Z')), null);
  const leap = [{ weekday: null, dayOfMonth: 31, opens: '08:00', closes: '09:00' }];
  t.equal(nextOpening(leap, Temporal.Instant.from('2026-11-01T00:00:00Z')), '2026-12-31T00:00:00.000Z', 'no 31st');
  const two = [
    { weekday: 5, dayOfMonth: null, opens: '14:00', closes: '16:00' },
    { weekday: 5, dayOfMonth: null, opens: '09:00', closes: '11:00' },
  ];
  t.equal(nextOpening(two, Temporal.Instant.from('2026-11-27T03:00:00Z')), '2026-11-27T06:00:00.000Z', 'afternoon');
});
