import { postRun } from '../../src/expiry/jobs.ts';
import { held, insist, owes, pay, payFirst } from './month-awards.ts';
import { proportion } from './month-book.ts';
import { dueOf } from './month-store.ts';
import { daysAfter, enrol, type Home, type Town, type Village } from './month-town.ts';

/** How households change and what the year's end takes of them; each step beside what it should do. */

const reason = '双方签字';

/** Proposes and agrees; answers the change, or undefined when it was refused as it should be. */
async function change(town: Town, v: Village, body: object, expected: string | undefined) {
  const proposal = await town.post(v.clerk, `${v.at}/household-changes`, { reason, ...body });
  if (!town.tell(proposal, expected)) return undefined;
  const url = `${v.at}/household-changes/${proposal.body.id}`;
  const approvers = town.dice.chance(0.2) ? [v.admin, v.publisher] : [v.admin];
  const replies = await Promise.all(approvers.map(by => insist(by, `${url}/approve`)));
  town.log.push(`change ${JSON.stringify(body)}: ${replies.map(reply => reply.status)}`);
  const done = replies.filter(reply => reply.status === 200);
  if (done.length !== 1) throw new Error(`${done.length} approvals of one change: ${replies[0]!.text}`);
  for (const reply of replies) town.tell(reply, reply === done[0] ? undefined : 'wrong-state');
  const { householdId, toHouseholdId } = done[0]!.body;
  // Whoever keeps out of a household keeps out of where its people or its points go.
  for (const pair of toHouseholdId === null ? [] : [...v.kin]) {
    const [person, home] = pair.split(' ');
    if (home === householdId) v.kin.add(`${person} ${toHouseholdId}`);
  }
  return done[0]!.body;
}

/**
 * Points on the notice board, held, or owed without a word of what becomes of that, and open claims keep a household from
 * ending; a split, the claims for those who leave.
 */
function unsettled(v: Village, home: Home, ends: ArrearsEnd, leaving?: string[]): string | undefined {
  const open = ['pending', 'held', ...(ends === undefined ? ['arrears'] : [])];
  const some = open.some(purpose => v.book.balance(`household:${home.id}:${purpose}`) !== 0);
  return some || hasOpenClaim(v, home, leaving) ? 'household-has-balance' : undefined;
}

/** Whether a claim waits: of the household, or for one of those who leave it. */
function hasOpenClaim(v: Village, home: Home, leaving?: string[]): boolean {
  return v.claims.some(
    ({ state, line }) =>
      state !== 'over' && line.home === home && (leaving === undefined || leaving.includes(line.memberId ?? '')),
  );
}

/** What becomes of what a household owes as it ends: mostly somebody says so. */
type ArrearsEnd = 'carry' | 'waive' | undefined;

function drawEnd(town: Town, v: Village, home: Home, ends: readonly ('carry' | 'waive')[]): ArrearsEnd {
  return held.arrearsFirst && owes(v, home) > 0 && town.dice.chance(0.8) ? town.dice.pick(ends) : undefined;
}

function drawOpen(town: Town, v: Village, other?: Home): Home | undefined {
  const homes = v.homes.filter(home => home.open && home !== other);
  return homes.length > 3 ? town.dice.pick(homes) : undefined;
}

export async function merge(town: Town, v: Village): Promise<void> {
  const home = drawOpen(town, v);
  const other = home && drawOpen(town, v, home);
  if (home === undefined || other === undefined) return;
  const ends = drawEnd(town, v, home, ['carry', 'waive']);
  const body = { kind: 'merge', householdId: home.id, toHouseholdId: other.id, ...(ends && { arrears: ends }) };
  if ((await change(town, v, body, unsettled(v, home, ends))) === undefined) return;
  other.members.push(...home.members);
  home.members = [];
  handAllOn(town, v, home, other, ends);
}

/** All that a household has goes to another one, and its base points end with it. */
function handAllOn(town: Town, v: Village, home: Home, other: Home, ends: ArrearsEnd): void {
  const today = town.today();
  const points = v.book.balance(`household:${home.id}:available`);
  if (points > 0) v.book.handOn({ from: home.id, to: other.id, points }, today.slice(0, 4));
  moveAll(v, today, home, 'available', `household:${other.id}:available`);
  moveAll(v, today, home, 'honour', `household:${other.id}:honour`);
  moveAll(v, today, home, 'base', 'expired');
  const owed = owes(v, home);
  owedBy(v, today, home, ends === 'carry' ? other : undefined, owed);
  payFirst(v, [{ home: other, points, day: today }]);
  if (ends === 'carry' && owed > 0) pay(v, other, Number.MAX_SAFE_INTEGER, today);
  home.open = false;
  home.successor = other;
}

/** What a household owes is another one's from now on, or nobody's. */
function owedBy(v: Village, today: string, home: Home, other: Home | undefined, amount: number): void {
  const from = other === undefined ? 'waived' : `household:${other.id}:arrears`;
  v.book.move(today, { from, to: `household:${home.id}:arrears`, amount });
}

function moveAll(v: Village, today: string, home: Home, purpose: 'available' | 'honour' | 'base', to: string) {
  const asset = purpose === 'honour' ? 'HON' : 'PTS';
  const from = `household:${home.id}:${purpose}`;
  return v.book.move(today, { from, to, asset, amount: v.book.balance(from, asset) });
}

export async function split(town: Town, v: Village): Promise<void> {
  const { dice } = town;
  const homes = v.homes.filter(home => home.open && home.members.length > 1);
  if (homes.length === 0) return;
  const home = dice.pick(homes);
  const others = home.members.filter(member => member !== home.head);
  const leaving = others.slice(0, 1 + dice.below(others.length));
  const [available, honour] = [`household:${home.id}:available`, `household:${home.id}:honour`];
  const [points, honours] = [v.book.balance(available), v.book.balance(honour, 'HON')];
  const owed = held.arrearsFirst ? owes(v, home) : 0;
  const agreed: { availablePoints?: number; honourPoints?: number; arrearsPoints?: number } = dice.chance(0.6)
    ? {
        availablePoints: dice.below(points + 1),
        honourPoints: dice.below(honours + 1),
        ...(owed > 0 && { arrearsPoints: dice.below(owed + 1) }),
      }
    : {};
  const newHousehold = { grid: 1, headMemberId: leaving[0] };
  const body = { kind: 'split', householdId: home.id, memberIds: leaving, newHousehold, ...agreed };
  const done = await change(town, v, body, unsettled(v, home, held.arrearsFirst ? 'carry' : undefined, leaving));
  if (done === undefined) return;
  const share = (of: number) => Math.floor((of * leaving.length) / home.members.length);
  const [some, someHonour] = [agreed.availablePoints ?? share(points), agreed.honourPoints ?? share(honours)];
  const someOwed = agreed.arrearsPoints ?? share(owed);
  const made: Home = {
    id: done.toHouseholdId,
    members: leaving,
    head: leaving[0]!,
    open: true,
    successor: undefined,
    card: undefined,
    pin: undefined,
    ended: undefined,
  };
  v.homes.push(made);
  home.members = home.members.filter(member => !leaving.includes(member));
  const today = town.today();
  if (some > 0) {
    v.book.handOn({ from: home.id, to: made.id, points: some }, today.slice(0, 4));
    const wanted = proportion(v.book.dated(available), points, some);
    v.book.move(today, { from: available, to: `household:${made.id}:available`, amount: some, wanted });
  }
  v.book.move(today, { from: honour, to: `household:${made.id}:honour`, asset: 'HON', amount: someHonour });
  owedBy(v, today, home, made, someOwed);
  payFirst(v, [{ home: made, points: some, day: today }]);
  if (someOwed > 0) pay(v, made, Number.MAX_SAFE_INTEGER, today);
}

export async function memberMoves(town: Town, v: Village): Promise<void> {
  const homes = v.homes.filter(home => home.open && home.members.length > 1);
  const home = homes.length === 0 ? undefined : town.dice.pick(homes);
  const other = home && drawOpen(town, v, home);
  if (home === undefined || other === undefined) return;
  const memberId = town.dice.pick(home.members.filter(member => member !== home.head));
  const body = { kind: 'memberMove', householdId: home.id, memberId, toHouseholdId: other.id };
  const open = hasOpenClaim(v, home, [memberId]) ? 'household-has-balance' : undefined;
  if ((await change(town, v, body, open)) === undefined) return;
  home.members = home.members.filter(member => member !== memberId);
  other.members.push(memberId);
}

export async function death(town: Town, v: Village): Promise<void> {
  const home = drawOpen(town, v);
  if (home === undefined) return;
  const today = town.today();
  const memberId = town.dice.pick(home.members);
  const left = home.members.filter(member => member !== memberId);
  const heir = left.length > 0 || town.dice.chance(0.3) ? undefined : drawOpen(town, v, home);
  const last = left.length === 0;
  const ends = last ? drawEnd(town, v, home, heir === undefined ? ['waive'] : ['carry', 'waive']) : undefined;
  const body = {
    kind: 'death',
    householdId: home.id,
    memberId,
    diedOn: today,
    ...(left.length > 0 && memberId === home.head && { headMemberId: left[0] }),
    ...(left.length === 0 && (heir === undefined ? { lapse: true } : { heirHouseholdId: heir.id })),
    ...(ends && { arrears: ends }),
  };
  if ((await change(town, v, body, last ? unsettled(v, home, ends) : undefined)) === undefined) return;
  v.dead.set(memberId, { home, on: today });
  home.members = left;
  if (left.length > 0) {
    if (memberId === home.head) home.head = left[0]!;
  } else if (heir === undefined) lapse(town, v, home);
  else handAllOn(town, v, home, heir, ends);
}

/** Nobody takes anything on; honour stays where it was earned. */
function lapse(town: Town, v: Village, home: Home): void {
  moveAll(v, town.today(), home, 'available', 'expired');
  moveAll(v, town.today(), home, 'base', 'expired');
  owedBy(v, town.today(), home, undefined, owes(v, home));
  home.open = false;
}

/** A household leaves for the other village: with its points, which wait there until it is enrolled, or without. */
export async function moveAway(town: Town, v: Village): Promise<void> {
  const home = drawOpen(town, v);
  if (home === undefined) return;
  const today = town.today();
  const other = town.villages.find(one => one !== v)!;
  const carry = town.dice.chance(0.8);
  const ends = drawEnd(town, v, home, ['waive']);
  const body = {
    kind: 'moveAway',
    householdId: home.id,
    toVillage: other.code,
    carry,
    ...(ends && { arrears: ends }),
  };
  const done = await change(town, v, body, unsettled(v, home, ends));
  if (done === undefined) return;
  if (!carry) return lapse(town, v, home);
  const points = v.book.balance(`household:${home.id}:available`);
  const honour = v.book.balance(`household:${home.id}:honour`, 'HON');
  const years = points > 0 ? v.book.handOn({ from: home.id, to: null, points }, today.slice(0, 4)) : {};
  const dated = moveAll(v, today, home, 'available', `abroad:${other.code}`);
  moveAll(v, today, home, 'honour', `abroad:${other.code}`);
  moveAll(v, today, home, 'base', 'expired');
  owedBy(v, today, home, undefined, owes(v, home));
  home.open = false;
  const closing = { number: done.transactionNumber as number, taken: false, points, honour, dated, years };
  if (points + honour > 0) other.closings.push(closing);
}

export async function moveIn(town: Town, v: Village): Promise<void> {
  if (v.closings.length === 0) return moveAway(town, town.villages.find(one => one !== v)!);
  const closing = town.dice.pick(v.closings);
  const other = town.villages.find(one => one !== v)!;
  const home = await enrol(v, 1 + town.dice.below(2));
  const today = town.today();
  const body = { kind: 'moveIn', householdId: home.id, fromVillage: other.code, transactionNumber: closing.number };
  if ((await change(town, v, body, closing.taken ? 'already-exists' : undefined)) === undefined) return;
  closing.taken = true;
  const { points, honour, dated, years } = closing;
  const from = `abroad:${other.code}`;
  if (points > 0) v.book.handOn({ from: null, to: home.id, points, years }, today.slice(0, 4));
  v.book.move(today, { from, to: `household:${home.id}:available`, amount: points, wanted: dated });
  v.book.move(today, { from, to: `household:${home.id}:honour`, asset: 'HON', amount: honour });
}

/** What the year's end will take is on the notice in December; the village's rules say whether it takes anything. */
export async function announceRuns(town: Town, v: Village): Promise<void> {
  const inputs = [
    { kind: 'yearEnd', year: 2026 },
    { kind: 'lots', throughOn: '2026-12-31' },
  ] as const;
  for (const input of inputs) {
    const preview = await town.post(v.admin, `${v.at}/expiry-runs`, input);
    const off = input.kind === 'yearEnd' && v.terms.yearEnd === 'carry';
    if (!town.tell(preview, off ? 'feature-off' : undefined)) continue;
    const { id } = preview.body;
    const due = { kind: input.kind, throughOn: '2026-12-31' };
    await compareLines(town, v, id, 'expiring', home => dueOf(v, home, due));
    const told = await town.post(v.admin, `${v.at}/expiry-runs/${id}/announce`);
    town.tell(told, undefined);
    const dueOn = [daysAfter(town.today(), 7), '2027-01-01'].sort()[1]!;
    if (told.body.dueOn !== dueOn) throw new Error(`due on ${told.body.dueOn} and not ${dueOn}`);
    const postOn = [`2027-01-${String(5 + town.dice.below(6)).padStart(2, '0')}`, dueOn].sort()[1]!;
    v.runs.push({ id, ...due, dueOn, postOn, state: 'announced' });
  }
}

/** A second person agrees on or after its day, and all of it is posted: of each household what the rule then takes. */
export async function postRuns(town: Town, v: Village): Promise<void> {
  const today = town.today();
  for (const run of v.runs.filter(one => one.state === 'announced')) {
    const url = `${v.at}/expiry-runs/${run.id}/approve`;
    if (today < run.dueOn && town.dice.chance(0.2)) town.tell(await town.post(v.supervisor, url), 'too-early');
    if (today < run.postOn) continue;
    town.tell(await town.post(v.admin, url), 'second-person-required');
    const takes = new Map(v.homes.map(home => [home, dueOf(v, home, run)]));
    town.tell(await town.post(v.supervisor, url), undefined);
    // Two jobs at once post nothing twice.
    await Promise.all([1, 2].map(() => postRun(town.service, { village: v.code, runId: run.id })));
    for (const [home, points] of takes) {
      v.book.move(today, { from: `household:${home.id}:available`, to: 'expired', amount: points });
      if (run.kind === 'yearEnd') home.ended = run;
    }
    run.state = 'posted';
    await compareLines(town, v, run.id, 'taken', home => takes.get(home)!);
    if (run.kind === 'yearEnd') {
      town.tell(await town.post(v.admin, `${v.at}/expiry-runs`, { kind: 'yearEnd', year: 2026 }), 'year-end-done');
    }
  }
}

async function compareLines(
  town: Town,
  v: Village,
  runId: string,
  column: 'expiring' | 'taken',
  expected: (home: Home) => number,
): Promise<void> {
  const lines = new Map<string, number>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = `limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page = await town.get(v.admin, `${v.at}/expiry-runs/${runId}/lines?${query}`);
    for (const line of page.data) lines.set(line.householdId, line[column]);
    cursor = page.nextCursor;
  }
  for (const home of v.homes) {
    const found = lines.get(home.id) ?? 0;
    if (found !== expected(home)) throw new Error(`${column} of ${home.id}: ${found} and not ${expected(home)}`);
  }
}
