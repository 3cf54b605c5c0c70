import { readFileSync, writeFileSync } from 'node:fs';
import tap, { test } from 'tap';
import { issueCard } from '../src/households/cards.ts';
import { setPin } from '../src/households/pin.ts';
import { type Role, roles } from '../src/http/route.ts';
import { hashSecret } from '../src/identity/passwords.ts';
import { declaredOperations, type Operation, unclassified } from './support/declared.ts';
import { digestOf } from './support/digest.ts';
import { samples } from './support/operations.ts';
import type { Call } from './support/sample-calls.ts';
import {
  type Caller,
  connect,
  nobody,
  openService,
  prefixOf,
  type Reply,
  type Service,
  villages,
} from './support/service.ts';
import { openWorld, type World } from './support/world.ts';

/*
 * Every operation, called as everybody for the own village, its neighbour and another county. What they are answered is
 * written to access.txt, which is committed: its diff is what changed for the world.
 */

type Who = Role | 'public';
type Place = keyof typeof villages;

interface Case {
  operation: Operation;
  who: Who;
  place: Place;
  allowed: boolean;
}

const pin = '402857';
let pinHash: Promise<string> | undefined;

const callers: Who[] = [...roles, 'public'];
const file = new URL('access.txt', import.meta.url);
const command = 'UPDATE=1 node test/access.test.ts';

/** Whoever is signed in may call, but these have no password. */
const exceptions: Record<string, Who[]> = {
  userPasswordSet: ['kiosk', 'household'],
  userSecondFactorCreate: ['kiosk', 'household'],
  userSecondFactorConfirm: ['kiosk', 'household'],
};

tap.setTimeout(900_000);

test('who may call what', async t => {
  const service = await openService(t);
  const world = openWorld(service);
  const owner = await connect(t, service.ownerUrl);
  const operations = declaredOperations(service.app);
  t.strictSame(
    Object.keys(samples).sort(),
    operations.map(({ id }) => id).sort(),
    'every operation of the contract has a sample call in test/support/operations.ts',
  );

  const faults: string[] = [];
  const letters = new Map<Case, string>();
  const answered = (one: Case, answer: Reply) => {
    faults.push(...faultsOf(one, answer));
    letters.set(one, answer.status < 300 ? 'Y' : '-');
  };
  const cases = operations.filter(({ id }) => id in samples).flatMap(casesOf);
  // A call that changes something, or ends the caller, is made by somebody new; those who only look may look again.
  const readers = new Map<Who, Promise<Caller | null>>();
  const readerOf = (who: Who) => {
    const known = readers.get(who) ?? callerOf(service, who);
    readers.set(who, known);
    return known;
  };
  // To make a rule sets the clock back for a while: nobody may be signing in meanwhile.
  for (const village of Object.values(villages)) await world.rule(village);
  await atOnce(
    3,
    cases.filter(({ allowed }) => allowed),
    async one => {
      const caller = await (one.operation.method === 'GET' ? readerOf(one.who) : callerOf(service, one.who));
      const { call, household } = await callFor(world, one, caller);
      answered(one, await send(service, caller, call));
      if (one.who === 'household' && household) faults.push(...(await asStranger(world, one, caller!)));
    },
  );

  // Everything that is to be refused is made ready first, so that afterwards any change is the doing of a refused call.
  const settled = new Map<Who, Caller | null>();
  for (const who of callers) settled.set(who, await callerOf(service, who));
  const calls = new Map<string, Call>();
  const denied = cases.filter(({ allowed }) => !allowed);
  const target = ({ operation, place }: Case) => `${operation.id} ${place}`;
  await atOnce(3, [...new Map(denied.map(one => [target(one), one])).values()], async one => {
    calls.set(target(one), (await callFor(world, { operation: one.operation, place: one.place }, null)).call);
  });
  const before = await digestOf(owner);
  await atOnce(3, denied, async one => {
    answered(one, await send(service, settled.get(one.who)!, calls.get(target(one))!));
  });
  t.strictSame(await digestOf(owner), before, 'a refused call changes nothing');
  t.strictSame(faults, [], 'what is declared is what happens');

  const lines = operations.map(({ id }): [string, string[]] => [
    id,
    callers.map(who =>
      cases
        .filter(one => one.operation.id === id && one.who === who)
        .map(one => letters.get(one))
        .join(''),
    ),
  ]);
  const found = tableOf(lines);
  if (process.env.UPDATE === '1') writeFileSync(file, found);
  t.strictSame(
    found.split('\n'),
    readFileSync(file, 'utf8').split('\n'),
    `test/access.txt says the same; read the difference, then ${command}`,
  );
});

/** Whom the declaration lets in: by role, and by where the village lies that the call is about. */
function casesOf(operation: Operation): Case[] {
  const { id, access } = operation;
  const places: Place[] = samples[id]!.placed ? ['own', 'sibling', 'foreign'] : ['own'];
  return callers.flatMap(who =>
    places.map(place => {
      const may = access === 'public' || (who !== 'public' && (access === 'signedIn' || access.includes(who)));
      const reaches =
        access === 'public' || (who !== 'public' && villages[place].startsWith(prefixOf(who, villages.own)));
      return { operation, who, place, allowed: may && reaches && !exceptions[id]?.includes(who) };
    }),
  );
}

function faultsOf({ operation, who, place, allowed }: Case, answer: Reply): string[] {
  const message = `${operation.id} as ${who} for the ${place} village: ${answer.status} ${answer.text.slice(0, 150)}`;
  const unnamed = unclassified(operation, answer);
  if (unnamed !== null) return [unnamed];
  if (allowed) {
    if (answer.status >= 300) return [`refused: ${message}`];
    const misfit = operation.misfit(answer.status, answer.body);
    return misfit === null ? [] : [`unlike its schema (${misfit}): ${message}`];
  }
  // Out of scope is not there; within it, a role without the action is told so. Where no path names the village, it is
  // the verb that judges, and it may say either.
  const inScope = who === 'public' || villages[place].startsWith(prefixOf(who, villages.own));
  const expected =
    who === 'public' ? [401] : !operation.params.includes('village') && !inScope ? [403, 404] : inScope ? [403] : [404];
  return expected.includes(answer.status) ? [] : [`${expected.join(' or ')} expected: ${message}`];
}

/** What a household asks about another one is not there. */
async function asStranger(world: World, one: Case, caller: Caller): Promise<string[]> {
  const { call } = await callFor(world, { operation: one.operation, place: one.place }, null);
  const answer = await send(world.service, caller, call);
  const message = `${one.operation.id} about another household: ${answer.status} ${answer.text.slice(0, 150)}`;
  return answer.status === 404 ? [] : [`404 expected: ${message}`];
}

async function callerOf(service: Service, who: Who): Promise<Caller | null> {
  if (who === 'public') return null;
  if (who === 'kiosk') return service.asKiosk();
  if (who === 'household') return stepUp(service);
  return service.as(who);
}

/** A household that has shown its card at a kiosk and given its PIN, as they do. */
async function stepUp(service: Service): Promise<Caller> {
  const kiosk = await service.asKiosk();
  const householdId = await service.household();
  const key = { village: villages.own, householdId };
  const { code } = await service.inVillage(villages.own, tx => issueCard(tx, nobody, key, service.clock.now()));
  pinHash ??= hashSecret(pin);
  const hash = await pinHash;
  await service.inVillage(villages.own, tx => setPin(tx, nobody, key, hash, service.clock.now()));
  const { accessToken: token } = (await kiosk('POST', '/v1/kiosk/sessions', { card: code, pin })).body;
  const call = service.withKey(kiosk.key, token);
  const me = (await call('GET', '/v1/sessions/current')).body;
  return Object.assign(call, { token, actor: { ...me, grants: [['household', villages.own]] } });
}

/** A call made ready, and whether it is about a household. */
async function callFor(
  world: World,
  { operation, who, place }: { operation: Operation; who?: Who; place: Place },
  caller: Caller | null,
): Promise<{ call: Call; household: boolean }> {
  const village = villages[place];
  let household = false;
  const call = await samples[operation.id]!.make(world, {
    village,
    ...(caller !== null && { caller }),
    ...(who !== undefined && who !== 'public' && { role: who }),
    household: async () => {
      household = true;
      return caller?.actor.householdId ?? (await world.service.household({}, village));
    },
  });
  return { call, household };
}

/** Runs `work` for each of `items`, a few at a time. */
async function atOnce<T>(limit: number, items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

/** What a device asks without a token, it proves by its key: who else may be signed in does not matter. */
function send(service: Service, caller: Caller | null, { method, url, body, headers, key }: Call): Promise<Reply> {
  const ask = key === undefined ? (caller ?? service.anonymous) : service.withKey(key);
  return ask(method, url, body, headers);
}

const abbreviations: Record<Who, string> = {
  platformAdmin: 'PA',
  supervisor: 'SV',
  villageAdmin: 'VA',
  clerk: 'CL',
  reviewer: 'RV',
  supervisionBoard: 'SB',
  storekeeper: 'SK',
  kiosk: 'KI',
  household: 'HH',
  teamLeader: 'TL',
  merchant: 'ME',
  auditor: 'AU',
  public: 'PU',
};

function tableOf(lines: [string, string[]][]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  const row = (name: string, cells: string[]) =>
    `${name.padEnd(width)}  ${cells.map(cell => cell.padEnd(3)).join('  ')}`.trimEnd();
  return [
    `# Who may call what; written by ${command}. Y: allowed, -: refused.`,
    '# Three letters: for the own village, a neighbour in the same county, and a village of another county.',
    '# One letter: the operation is about the caller or the service. A household means its own.',
    `# ${callers.map(who => `${abbreviations[who]} ${who}`).join(' · ')}`,
    '',
    row(
      '',
      callers.map(who => abbreviations[who]),
    ),
    ...lines.map(([name, cells]) => row(name, cells)),
    '',
  ].join('\n');
}
