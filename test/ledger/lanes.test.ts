import { setTimeout as wait } from 'node:timers/promises';
import { t } from 'tap';
import { openLanes } from '../../src/ledger/lanes.ts';

/** Lanes whose runs end when they are told to; `runs` says what went together. */
function held(options: { lanes: number; itemsMax: number }) {
  const runs: string[][] = [];
  const endings: PromiseWithResolvers<void>[] = [];
  const enter = openLanes<string, string>(async items => {
    runs.push(items);
    const ending = Promise.withResolvers<void>();
    endings.push(ending);
    await ending.promise;
    return items.map(item => item.toUpperCase());
  }, options);
  return {
    runs,
    enter,
    end: (run: number) => endings[run]!.resolve(),
    fail: (run: number) => endings[run]!.reject(new Error('broken')),
  };
}

t.test('who comes while a run is under way goes with the next, in order', async t => {
  const { runs, enter, end } = held({ lanes: 1, itemsMax: 10 });
  const answers = ['a', 'b', 'c'].map(item => enter('v', item));
  t.same(runs, [['a']], 'the first does not wait for company');
  end(0);
  t.equal(await answers[0], 'A');
  await wait(0);
  t.same(runs, [['a'], ['b', 'c']]);
  end(1);
  t.same(await Promise.all(answers), ['A', 'B', 'C']);
  const later = enter('v', 'd');
  t.same(runs[2], ['d'], 'an empty lane starts again');
  end(2);
  t.equal(await later, 'D');
});

t.test('no run is longer than it may be', async t => {
  const { runs, enter, end } = held({ lanes: 1, itemsMax: 2 });
  const answers = ['a', 'b', 'c', 'd'].map(item => enter('v', item));
  for (let run = 0; run < 3; run += 1) {
    end(run);
    await wait(0);
  }
  await Promise.all(answers);
  t.same(runs, [['a'], ['b', 'c'], ['d']]);
});

t.test('lanes run beside each other, and the callers of a key stay in order', async t => {
  let underWay = 0;
  let most = 0;
  const done: string[] = [];
  const enter = openLanes<string, void>(
    async items => {
      underWay += 1;
      most = Math.max(most, underWay);
      await wait(1);
      underWay -= 1;
      done.push(...items);
      return items.map(() => undefined);
    },
    { lanes: 4, itemsMax: 5 },
  );
  const keys = Array.from({ length: 40 }, (_, n) => `5202811271${String(n).padStart(2, '0')}`);
  await Promise.all(keys.flatMap(key => [1, 2, 3].map(turn => enter(key, `${key} ${turn}`))));
  t.equal(most, 4, 'one run a lane, and all lanes');
  t.equal(done.length, 120);
  t.ok(keys.every(key => done.indexOf(`${key} 1`) < done.indexOf(`${key} 2`)));
  t.ok(keys.every(key => done.indexOf(`${key} 2`) < done.indexOf(`${key} 3`)));
});

t.test('a run that fails fails for all of it, and the lane goes on', async t => {
  const { enter, end, fail } = held({ lanes: 1, itemsMax: 10 });
  const [first, second] = [enter('v', 'a'), enter('v', 'b')];
  fail(0);
  await t.rejects(first, /broken/);
  await wait(0);
  end(1);
  t.equal(await second, 'B');
});
