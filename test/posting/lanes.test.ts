import { setTimeout as wait } from 'node:timers/promises';
import { t } from 'tap';
import { openLanes } from '../../src/posting/batch.ts';

/** Lanes whose runs end when they are told to; `runs` says what went together. */
function held(options: { lanes: number; itemsMax: number; waitMs?: number }) {
  const runs: string[][] = [];
  const endings: PromiseWithResolvers<void>[] = [];
  const enter = openLanes<string, string>(
    async items => {
      runs.push(items);
      const ending = Promise.withResolvers<void>();
      endings.push(ending);
      await ending.promise;
      return items.map(item => item.toUpperCase());
    },
    { waitMs: 600_000, ...options },
  );
  return {
    runs,
    enter,
    end: (run: number) => endings[run]!.resolve(),
    fail: (run: number) => endings[run]!.reject(new Error('broken')),
  };
}

t.test('who comes while a run is under way goes with the next, in order', async t => {
  const { runs, enter, end } = held({ lanes: 1, itemsMax: 10 });
  const answers = ['a', 'b', 'c'].map(item => enter(item));
  t.same(runs, [['a']], 'the first does not wait for company');
  end(0);
  t.equal(await answers[0], 'A');
  await wait(0);
  t.same(runs, [['a'], ['b', 'c']]);
  end(1);
  t.same(await Promise.all(answers), ['A', 'B', 'C']);
  const later = enter('d');
  t.same(runs[2], ['d'], 'an empty lane starts again');
  end(2);
  t.equal(await later, 'D');
});

t.test('no run is longer than it may be', async t => {
  const { runs, enter, end } = held({ lanes: 1, itemsMax: 2 });
  const answers = ['a', 'b', 'c', 'd'].map(item => enter(item));
  for (let run = 0; run < 3; run += 1) {
    end(run);
    await wait(0);
  }
  await Promise.all(answers);
  t.same(runs, [['a'], ['b', 'c'], ['d']]);
});

t.test('a second lane opens when as many wait as are under way, and no third', async t => {
  const { runs, enter, end } = held({ lanes: 2, itemsMax: 10 });
  const answers = [enter('a')];
  answers.push(enter('b'));
  t.same(runs, [['a'], ['b']], 'one waits, one is under way');
  answers.push(enter('c'), enter('d'));
  t.equal(runs.length, 2);
  end(0);
  await wait(0);
  t.same(runs[2], ['c', 'd']);
  answers.push(enter('e'));
  end(1);
  await wait(0);
  t.equal(runs.length, 3, 'one waits, two are under way');
  answers.push(enter('f'));
  t.same(runs[3], ['e', 'f']);
  end(2);
  end(3);
  t.same(await Promise.all(answers), ['A', 'B', 'C', 'D', 'E', 'F']);
});

t.test('a run that fails fails for all of it, and the lane goes on', async t => {
  const { enter, end, fail } = held({ lanes: 1, itemsMax: 10 });
  const [first, second] = [enter('a'), enter('b')];
  fail(0);
  await t.rejects(first, /broken/);
  await wait(0);
  end(1);
  t.equal(await second, 'B');
});

t.test('who has waited too long is told so, and takes nobody’s place', async t => {
  const { runs, enter, end } = held({ lanes: 1, itemsMax: 1, waitMs: 20 });
  const first = enter('a');
  const tooLate = ['b', 'c'].map(item => t.rejects(enter(item), { code: 'unavailable' }));
  await wait(50);
  const inTime = enter('d');
  end(0);
  await Promise.all([first, ...tooLate]);
  t.same(runs, [['a'], ['d']]);
  end(1);
  t.equal(await inTime, 'D');
});
