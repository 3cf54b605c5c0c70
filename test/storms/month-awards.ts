import type { Caller } from '../support/service.ts';
import type { Dated } from './month-book.ts';
import {
  type Award,
  type AwardLine,
  type Claim,
  dayAt,
  daysAfter,
  type Home,
  type Town,
  type Village,
} from './month-town.ts';

/** What a village does with points until they can be spent, and how they are taken back; each step beside what it should do. */

/** Laws that can be switched off, to live a month of a service that does not hold them. */
export const held = {
  /** Nothing with a floor is below it at the end of any business day. */
  floorsEachDay: true,
  /** What is given or comes back pays what is owed first. */
  arrearsFirst: true,
  /** Nobody awards directly what needs a witness. */
  directNeedsCount: true,
};

/** When something happened that is entered today: mostly now, else on a day back to the last that may be entered, or the one before. */
export function backDated(town: Town, v: Village): { day: string; occurredAt: string | undefined } {
  const { dice } = town;
  const today = town.today();
  // What is left of the old year comes late: its prices, its caps and its year end hold for it.
  if (today > '2027' && dice.chance(0.2)) return { day: '2026-12-31', occurredAt: '2026-12-31T23:30:00+08:00' };
  if (dice.chance(0.7)) return { day: today, occurredAt: undefined };
  const { backdateDays } = v.terms;
  const back = dice.pick([1, 1 + dice.below(backdateDays), backdateDays, backdateDays + 1]);
  const day = daysAfter(today, -back);
  // The first and the last hour of a day in the village are both of that day.
  return { day, occurredAt: `${day}T${dice.pick(['00:00:00', '12:00:00', '23:59:59'])}+08:00` };
}

export function drawHome(town: Town, v: Village): Home {
  const open = v.homes.filter(home => home.open);
  // A few do most of it, so that somebody has something to spend.
  const some = town.dice.chance(0.65) ? open.slice(-6) : open;
  return town.dice.chance(0.03) ? town.dice.pick(v.homes) : town.dice.pick(some);
}

function drawLine(town: Town, v: Village, evidence: 'count' | 'witness'): AwardLine {
  const { dice } = town;
  const home = drawHome(town, v);
  const rule = dice.pick(v.rules.filter(one => one.evidence === evidence));
  return {
    home,
    rule,
    memberId:
      home.members.length > 0 && (rule.scope === 'member' || dice.chance(0.3)) ? dice.pick(home.members) : undefined,
    quantity: 1 + dice.below(3),
    ...backDated(town, v),
    occasion: dice.chance(0.4) ? undefined : `活动${1 + dice.below(12)}`,
  };
}

function bodyOf({ home, rule, memberId, quantity, occurredAt, occasion }: AwardLine): object {
  return {
    ruleId: rule.id,
    householdId: home.id,
    quantity,
    ...(memberId !== undefined && { memberId }),
    ...(occurredAt !== undefined && { occurredAt }),
    ...(occasion !== undefined && { occasion }),
  };
}

function holderOf({ rule, home, memberId }: AwardLine): string {
  return rule.scope === 'member' ? memberId! : home.id;
}

/** Uses of caps, each with the most that may be used and the refusal. */
function usesOf(v: Village, line: AwardLine, direct: boolean): [key: string, use: number, max: number, code: string][] {
  const { rule, home, quantity, day, occasion } = line;
  const holder = holderOf(line);
  const uses: [string, number, number, string][] = [];
  if (occasion !== undefined) uses.push([`once ${rule.code} ${holder} ${occasion}`, 1, 1, 'award-duplicate']);
  if (rule.cap !== null) {
    const key = `cap ${rule.code} ${holder} ${periodOf(rule.cap.period, day)}`;
    uses.push([key, quantity, rule.cap.times, 'cap-reached']);
  }
  if (direct)
    uses.push([`day ${home.id} ${day}`, rule.points * quantity, v.terms.householdDayMaxPoints, 'cap-reached']);
  return uses;
}

export function periodOf(period: 'day' | 'week' | 'month' | 'year' | 'once', day: string): string {
  if (period === 'once') return period;
  if (period !== 'week') return day.slice(0, { day: 10, month: 7, year: 4 }[period]);
  // Weeks begin on Monday, as that of the 5th of January 1970 did.
  return `week ${Math.floor((Date.parse(day) / 86_400_000 - 4) / 7)}`;
}

/** What the rules say no to, in the order in which a clerk is told. */
function refusalOfAward(town: Town, v: Village, line: AwardLine, by: Caller, direct: boolean): string | undefined {
  const { home, rule, memberId, quantity, day } = line;
  if (direct && v.kin.has(`${by.actor.id} ${home.id}`)) return 'own-household';
  if (!home.open) return 'household-not-active';
  const dead = memberId === undefined ? undefined : v.dead.get(memberId);
  if (memberId !== undefined && dead?.home !== home && !home.members.includes(memberId)) return 'not-found';
  if (dead !== undefined && day > dead.on) return 'business-date-refused';
  if (direct && day < daysAfter(town.today(), -v.terms.backdateDays)) return 'business-date-refused';
  if (direct && held.directNeedsCount && rule.evidence !== 'count') return 'evidence-missing';
  if (direct && rule.points * quantity > v.terms.directAwardMaxPoints) return 'out-of-bounds';
  return usesOf(v, line, direct).find(([key, use, max]) => (v.used.get(key) ?? 0) + use > max)?.[3];
}

function enterAward(v: Village, line: AwardLine, id: string, by: { direct: boolean; decided: string[] }): Award {
  const { home, rule, quantity, day } = line;
  const days = rule.exempt ? 0 : by.direct ? v.terms.directAwardPublicityDays : v.terms.publicityDays;
  const points = rule.points * quantity;
  const dated: Dated = v.terms.expiryMonths === null ? {} : { [monthEnd(day, v.terms.expiryMonths)]: points };
  const uses = usesOf(v, line, by.direct).map(([key, use]) => [key, use] as [string, number]);
  for (const [key, use] of uses) v.used.set(key, (v.used.get(key) ?? 0) + use);
  const account = `household:${home.id}:${days > 0 ? 'pending' : 'available'}`;
  v.book.move(day, { from: 'issued', to: account, amount: points, wanted: dated });
  if (days === 0) {
    v.book.earn(home.id, day.slice(0, 4), points);
    if (rule.honour)
      v.book.move(day, { from: 'issued', to: `household:${home.id}:honour`, asset: 'HON', amount: points });
  }
  const award: Award = {
    id,
    home,
    rule,
    points,
    quantity,
    holder: holderOf(line),
    occasion: line.occasion,
    day,
    direct: by.direct,
    state: days > 0 ? 'pending' : 'posted',
    dated,
    released: undefined,
    notice: undefined,
    uses,
    decided: by.decided,
  };
  v.awards.push(award);
  return award;
}

/** The last day of the month so many months later. */
function monthEnd(day: string, months: number): string {
  const month = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 + months;
  return new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).toISOString().slice(0, 10);
}

/** Points of a household that can be spent from a day on. */
interface Income {
  home: Home;
  points: number;
  day: string;
}

/**
 * Whoever owes points pays them first, up to what has come in together, on the day of the income or of the youngest debt,
 * and not with points whose last day has passed.
 */
export function payFirst(v: Village, incomes: Income[]): void {
  if (!held.arrearsFirst) return;
  for (const [home, own] of Map.groupBy(incomes, income => income.home)) {
    const points = own.reduce((sum, income) => sum + income.points, 0);
    pay(
      v,
      home,
      points,
      own
        .map(income => income.day)
        .sort()
        .at(-1)!,
    );
  }
}

/** Pays what a household owes with points that it can spend, no more than `most`; answers how many. */
export function pay(v: Village, home: Home, most: number, day: string): number {
  const [available, arrears] = [`household:${home.id}:available`, `household:${home.id}:arrears`];
  const debts = (v.book.accounts().get(`${arrears} PTS`) ?? []).filter(entry => entry.amount < 0);
  const payday = [day, ...debts.map(entry => entry.day)].sort().at(-1)!;
  const amount = Math.min(most, owes(v, home), v.book.spendable(available, payday));
  if (amount > 0) v.book.move(payday, { from: available, to: arrears, amount, buys: true });
  return Math.max(0, amount);
}

export function owes(v: Village, home: Home): number {
  return -v.book.balance(`household:${home.id}:arrears`);
}

function incomeOf({ home, points, day, state, released }: Award): Income[] {
  return state === 'posted' ? [{ home, points, day: released?.day ?? day }] : [];
}

/** A household pays by hand what it owes, or two people see that it need not. */
export async function settleDebt(town: Town, v: Village): Promise<void> {
  if (!held.arrearsFirst) return;
  const owing = v.homes.filter(home => home.open && owes(v, home) > 0);
  const home = owing.length > 0 && town.dice.chance(0.8) ? town.dice.pick(owing) : drawHome(town, v);
  const owed = owes(v, home);
  const today = town.today();
  if (town.dice.chance(0.5)) {
    const able = v.book.spendable(`household:${home.id}:available`, today);
    const expected = !home.open
      ? 'household-not-active'
      : owed === 0
        ? 'nothing-owed'
        : able === 0
          ? 'insufficient-points'
          : undefined;
    const reply = await town.post(v.admin, `${v.at}/households/${home.id}/arrears/settle`, {});
    if (town.tell(reply, expected)) pay(v, home, owed, today);
    return;
  }
  const points = 1 + town.dice.below(owed + 1);
  const body = { householdId: home.id, points, reason: '登记有误，本户无过错' };
  const kin = v.kin.has(`${v.clerk.actor.id} ${home.id}`);
  const expected = kin ? 'own-household' : owed === 0 ? 'nothing-owed' : points > owed ? 'out-of-bounds' : undefined;
  const proposal = await town.post(v.clerk, `${v.at}/arrears-waivers`, body);
  if (!town.tell(proposal, expected)) return;
  town.tell(await town.post(v.admin, `${v.at}/arrears-waivers/${proposal.body.id}/approve`), undefined);
  v.book.move(today, { from: 'waived', to: `household:${home.id}:arrears`, amount: points });
}

export async function award(town: Town, v: Village): Promise<void> {
  const line = drawLine(town, v, town.dice.chance(0.05) ? 'witness' : 'count');
  const expected = refusalOfAward(town, v, line, v.clerk, true);
  const reply = await town.post(v.clerk, `${v.at}/awards`, bodyOf(line));
  if (!town.tell(reply, expected)) return;
  payFirst(v, incomeOf(enterAward(v, line, reply.body.id, { direct: true, decided: [v.clerk.actor.id] })));
}

/** A list of signatures: each line by itself, or all or nothing. */
export async function awardSheet(town: Town, v: Village): Promise<void> {
  const lines = Array.from({ length: 2 + town.dice.below(5) }, () => drawLine(town, v, 'count'));
  const mode = town.dice.pick(['perItem', 'perItem', 'atomic']);
  const items = lines.map((line, place) => ({ ref: String(place), ...bodyOf(line) }));
  const reply = await town.post(v.clerk, `${v.at}/awards/batch`, { mode, items });
  if (mode === 'atomic') {
    // All of them together may be too much where each is not: entered in a copy of the counts first.
    const before = new Map(v.used);
    const refused = lines.some(line => {
      if (refusalOfAward(town, v, line, v.clerk, true) !== undefined) return true;
      for (const [key, use] of usesOf(v, line, true)) v.used.set(key, (v.used.get(key) ?? 0) + use);
      return false;
    });
    v.used = before;
    if (!town.tell(reply, refused ? 'batch-refused' : undefined)) return;
  } else town.tell(reply, undefined);
  const incomes: Income[] = [];
  for (const [place, line] of lines.entries()) {
    const result = reply.body.results[place];
    const expected = refusalOfAward(town, v, line, v.clerk, true);
    const code = result.problem?.code;
    if (code !== expected) throw new Error(`line ${place}: expected ${expected}, was ${JSON.stringify(result)}`);
    if (code !== undefined) continue;
    const by = { direct: true, decided: [v.clerk.actor.id] };
    incomes.push(...incomeOf(enterAward(v, line, result.award.id, by)));
  }
  payFirst(v, incomes);
}

/** The same occasion, entered four times at once: it pays once. */
export async function awardRush(town: Town, v: Village): Promise<void> {
  const line = { ...drawLine(town, v, 'count'), quantity: 1, occasion: `同时${town.log.length}` };
  const expected = refusalOfAward(town, v, line, v.clerk, true);
  const replies = await Promise.all([1, 2, 3, 4].map(() => insist(v.clerk, `${v.at}/awards`, bodyOf(line))));
  town.log.push(`rush for ${line.occasion}: ${replies.map(reply => reply.status)}`);
  const done = replies.filter(reply => reply.status === 201);
  if (done.length !== (expected === undefined ? 1 : 0)) throw new Error(`${done.length} of 4 awards for one occasion`);
  if (expected !== undefined) return;
  payFirst(v, incomeOf(enterAward(v, line, done[0]!.body.id, { direct: true, decided: [v.clerk.actor.id] })));
  for (const reply of replies) if (reply !== done[0]) town.tell(reply, 'award-duplicate');
}

/** A service that is busy is asked again under the same key. */
export async function insist(by: Caller, url: string, body: object = {}) {
  const key = { 'idempotency-key': crypto.randomUUID() };
  for (let left = 50; ; left -= 1) {
    const reply = await by('POST', url, body, key);
    if (left === 0 || (reply.status !== 503 && reply.body?.code !== 'idempotency-in-progress')) return reply;
  }
}

/** What is used up already is refused when it is claimed. */
function usedUp(v: Village, line: AwardLine): string | undefined {
  const full = usesOf(v, line, false).find(([key, use, max]) => (v.used.get(key) ?? 0) + use > max);
  return full?.[3];
}

export async function fileClaim(town: Town, v: Village): Promise<void> {
  const line = drawLine(town, v, 'witness');
  const { home, rule, quantity, occasion, day } = line;
  const holder = home.members.length === 0 && rule.scope === 'member' ? undefined : holderOf(line);
  const open = v.claims.find(
    claim =>
      claim.state !== 'over' &&
      claim.line.rule === rule &&
      occasion !== undefined &&
      claim.line.occasion === occasion &&
      holderOf(claim.line) === holder,
  );
  const expected = v.kin.has(`${v.clerk.actor.id} ${home.id}`)
    ? 'own-household'
    : !home.open
      ? 'household-not-active'
      : day < daysAfter(town.today(), -v.terms.backdateDays)
        ? 'business-date-refused'
        : rule.cap !== null && quantity > rule.cap.times
          ? 'out-of-bounds'
          : (usedUp(v, line) ?? (open === undefined ? undefined : 'award-duplicate'));
  const evidence = [{ kind: 'witness', text: '组长在场' }];
  const reply = await town.post(v.clerk, `${v.at}/claims`, { ...bodyOf(line), evidence });
  if (!town.tell(reply, expected)) return;
  // It may be decided on long after: then it is still of the day on which it happened.
  const occurredAt = line.occurredAt ?? town.service.clock.now().toString();
  v.claims.push({ id: reply.body.id, line: { ...line, occurredAt }, state: 'submitted', votes: 0, decided: [] });
}

/** The next step of a claim: first review, two votes of the panel, and above 30 points a second person in the town. */
export async function decideClaim(town: Town, v: Village): Promise<void> {
  const waiting = v.claims.filter(claim => claim.state !== 'over');
  if (waiting.length === 0) return fileClaim(town, v);
  const claim = town.dice.pick(waiting);
  const url = `${v.at}/claims/${claim.id}`;
  const [first, ...panel] = v.reviewers as [Caller, ...Caller[]];
  if (claim.state === 'submitted') {
    if (town.dice.chance(0.1)) {
      town.tell(await town.post(first, `${url}/reject`, { reason: '没有见到' }), undefined);
      claim.state = 'over';
      return;
    }
    town.tell(await town.post(first, `${url}/pass`, {}), undefined);
    claim.decided.push(first.actor.id);
    claim.state = 'inPanel';
    return;
  }
  const points = claim.line.rule.points * claim.line.quantity;
  if (claim.state === 'inPanel') {
    // Who has looked first has no vote.
    if (town.dice.chance(0.1))
      town.tell(await town.post(first, `${url}/votes`, { verdict: 'approve' }), 'second-person-required');
    const voter = panel[claim.votes]!;
    const decides = claim.votes === 1;
    const expected = decides && points < 30 ? refusalOfAward(town, v, claim.line, voter, false) : undefined;
    const reply = await town.post(voter, `${url}/votes`, { verdict: 'approve' });
    if (!town.tell(reply, expected)) return retire(town, v, claim);
    claim.votes += 1;
    claim.decided.push(voter.actor.id);
    if (!decides) return;
    claim.state = points < 30 ? 'over' : 'awaitingSecond';
    if (points < 30) enterAward(v, claim.line, reply.body.awardId, { direct: false, decided: claim.decided });
    return;
  }
  const expected = refusalOfAward(town, v, claim.line, v.supervisor, false);
  const reply = await town.post(v.supervisor, `${url}/confirm`);
  if (!town.tell(reply, expected)) return retire(town, v, claim);
  claim.state = 'over';
  enterAward(v, claim.line, reply.body.awardId, { direct: false, decided: claim.decided });
}

/** What the book refuses stays as it was, and whoever filed it takes it back. */
async function retire(town: Town, v: Village, claim: Claim): Promise<void> {
  town.tell(await town.post(v.clerk, `${v.at}/claims/${claim.id}/withdraw`), undefined);
  claim.state = 'over';
}

export async function publish(town: Town, v: Village): Promise<void> {
  const waiting = v.awards.filter(
    one =>
      one.notice === undefined && (one.state === 'pending' || (one.state === 'posted' && one.released === undefined)),
  );
  const reply = await town.post(v.publisher, `${v.at}/notices`, {});
  if (!town.tell(reply, waiting.length === 0 ? 'nothing-waits' : undefined)) return;
  const { id, endsAt, lineCount } = reply.body;
  if (lineCount !== waiting.length) throw new Error(`${lineCount} lines on a notice of ${waiting.length}`);
  const ends = `${daysAfter(town.today(), 1 + Math.max(v.terms.publicityDays, v.terms.directAwardPublicityDays))}`;
  if (dayAt(Temporal.Instant.from(endsAt)) !== ends) throw new Error(`ends ${endsAt} and not on ${ends}`);
  for (const one of waiting) one.notice = id;
  v.notices.push({ id, endsAt, closed: false });
}

/** Notices that have ended let go what nobody objects to. */
export function closeNotices(town: Town, v: Village): void {
  for (const notice of v.notices) {
    if (notice.closed || Temporal.Instant.compare(notice.endsAt, town.service.clock.now()) > 0) continue;
    notice.closed = true;
    payFirst(
      v,
      v.awards.filter(one => one.notice === notice.id).flatMap(one => release(town, v, one)),
    );
  }
}

function release(town: Town, v: Village, one: Award): Income[] {
  if (one.state !== 'pending' || v.objections.some(objection => objection.open && objection.award === one)) return [];
  const day = town.today();
  const [pending, available] = [`household:${one.home.id}:pending`, `household:${one.home.id}:available`];
  const dated = v.book.move(day, { from: pending, to: available, amount: one.points, wanted: one.dated });
  v.book.earn(one.home.id, day.slice(0, 4), one.points);
  if (one.rule.honour) {
    v.book.move(day, { from: 'issued', to: `household:${one.home.id}:honour`, asset: 'HON', amount: one.points });
  }
  one.state = 'posted';
  one.released = { day, dated };
  return incomeOf(one);
}

/** Somebody who is not named objects to a line, or the board rules on what was objected to. */
export async function objectOrRule(town: Town, v: Village): Promise<void> {
  const open = v.objections.filter(objection => objection.open);
  if (open.length === 0 || town.dice.chance(0.4)) {
    const running = new Set(v.notices.filter(notice => !notice.closed).map(notice => notice.id));
    const lines = v.awards.filter(one => one.notice !== undefined && running.has(one.notice));
    if (lines.length === 0) return publish(town, v);
    const one = town.dice.pick(lines);
    const expected =
      one.state !== 'pending'
        ? 'wrong-state'
        : open.some(objection => objection.award === one)
          ? 'already-exists'
          : undefined;
    const reply = await town.post(v.clerk, `${v.at}/objections`, { awardId: one.id, reason: '当天没有看见' });
    if (town.tell(reply, expected)) v.objections.push({ id: reply.body.id, award: one, open: true });
    return;
  }
  const objection = town.dice.pick(open);
  const one = objection.award;
  const verb = town.dice.pick(['uphold', 'dismiss']);
  const reply = await town.post(v.board, `${v.at}/objections/${objection.id}/${verb}`, { ruling: '已核对签到表' });
  town.tell(reply, undefined);
  objection.open = false;
  if (verb === 'dismiss') {
    if (v.notices.find(notice => notice.id === one.notice)?.closed === true) payFirst(v, release(town, v, one));
    return;
  }
  for (const other of v.objections) if (other.award === one) other.open = false;
  if (one.state === 'pending') takeBack(v, one, town.today());
}

/** Who took on all of a household that ended. */
export function ownerOf(home: Home): Home {
  return home.successor === undefined ? home : ownerOf(home.successor);
}

export async function reverse(town: Town, v: Village): Promise<void> {
  if (v.awards.length === 0) return;
  // Rather one whose points are spent, for then somebody owes them.
  const spent = v.awards.filter(
    ({ state, home, points }) =>
      state === 'posted' && home.open && v.book.balance(`household:${home.id}:available`) < points,
  );
  const one = spent.length > 0 && town.dice.chance(0.5) ? town.dice.pick(spent) : town.dice.pick(v.awards.slice(-40));
  const owner = ownerOf(one.home);
  const kin = [one.home, owner].some(home => v.kin.has(`${v.clerk.actor.id} ${home.id}`));
  const proposal = await town.post(v.clerk, `${v.at}/reversals`, { awardId: one.id, reason: '登记错户' });
  if (!town.tell(proposal, kin ? 'own-household' : one.state === 'reversed' ? 'already-reversed' : undefined)) return;
  const url = `${v.at}/reversals/${proposal.body.id}`;
  if (town.dice.chance(0.1)) {
    town.tell(await town.post(v.admin, `${url}/reject`, { reason: '核对无误' }), undefined);
    return;
  }
  const expected = refusalOfReversal(v, one);
  const approvers = town.dice.chance(0.2) ? [v.admin, v.publisher] : [v.admin];
  const replies = await Promise.all(approvers.map(by => insist(by, `${url}/approve`)));
  town.log.push(`reversal of ${one.id} of ${one.home.id}: ${replies.map(reply => reply.status)}`);
  const done = replies.filter(reply => reply.status === 200);
  if (done.length > 1) throw new Error('one reversal was agreed to twice');
  for (const reply of replies) {
    town.tell(reply, reply === done[0] ? undefined : (expected ?? 'wrong-state'));
  }
  if (expected !== undefined) {
    if (done.length > 0) throw new Error(`a reversal that ${expected} refuses was posted`);
    town.tell(await town.post(v.admin, `${url}/reject`, { reason: '积分已用' }), undefined);
    return;
  }
  if (done.length === 0) throw new Error('nobody could agree to a reversal');
  const today = town.today();
  if (one.state === 'posted') makeGood(v, one, today);
  takeBack(v, one, today);
}

function refusalOfReversal(v: Village, one: Award): string | undefined {
  if (one.state === 'pending') return undefined;
  const owner = ownerOf(one.home);
  if (!owner.open) return 'household-not-active';
  const short = v.book.balance(`household:${owner.id}:available`) < one.points;
  const honour = one.rule.honour ? one.points : 0;
  if (short && v.terms.arrears === 'reject') return 'reversal-arrears';
  return v.book.balance(`household:${owner.id}:honour`, 'HON') < honour ? 'reversal-arrears' : undefined;
}

/** What is spent is owed from now on, and whoever took on the household gives back what the award brought. */
function makeGood(v: Village, one: Award, today: string): void {
  const owner = ownerOf(one.home);
  const available = `household:${owner.id}:available`;
  const short = one.points - v.book.balance(available);
  if (short > 0) v.book.move(today, { from: `household:${owner.id}:arrears`, to: available, amount: short });
  if (owner === one.home) return;
  const year = (one.released?.day ?? one.day).slice(0, 4);
  v.book.handOn(
    { from: owner.id, to: one.home.id, points: one.points, years: { [year]: one.points } },
    today.slice(0, 4),
  );
  v.book.move(today, {
    from: available,
    to: `household:${one.home.id}:available`,
    amount: one.points,
    wanted: one.dated,
  });
  if (one.rule.honour) {
    const [from, to] = [owner, one.home].map(home => `household:${home.id}:honour`) as [string, string];
    v.book.move(today, { from, to, asset: 'HON', amount: one.points });
  }
}

/** The mirror of what an award has moved. */
function takeBack(v: Village, one: Award, today: string): void {
  const [pending, available] = [`household:${one.home.id}:pending`, `household:${one.home.id}:available`];
  const since = one.released?.day ?? one.day;
  if (one.state === 'posted') {
    if (one.rule.honour) {
      v.book.move(today, { from: `household:${one.home.id}:honour`, to: 'issued', asset: 'HON', amount: one.points });
    }
    v.book.earn(one.home.id, since.slice(0, 4), -one.points);
  }
  if (one.released !== undefined) {
    v.book.move(today, { from: available, to: pending, amount: one.points, wanted: one.released.dated });
  }
  const from = one.state === 'posted' && one.released === undefined ? available : pending;
  v.book.move(today, { from, to: 'issued', amount: one.points, wanted: one.dated });
  for (const [key, use] of one.uses) v.used.set(key, v.used.get(key)! - use);
  one.state = 'reversed';
}

export async function baseGiven(town: Town, v: Village): Promise<void> {
  const month = town.today().slice(0, 7);
  const reply = await town.post(v.admin, `${v.at}/base-points`);
  town.tell(reply, undefined);
  const open = v.homes.filter(home => home.open);
  const due = open.filter(home => !v.baseGiven.has(`${home.id} ${month}`));
  for (const home of due) {
    v.baseGiven.add(`${home.id} ${month}`);
    v.book.move(town.today(), { from: 'issued', to: `household:${home.id}:base`, amount: 2 });
  }
  if (reply.body.given !== due.length) throw new Error(`base points for ${reply.body.given} of ${due.length}`);
}
