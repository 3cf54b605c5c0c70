import { t } from 'tap';
import { openService } from '../support/service.ts';
import { textOf, traceCapped, traceOperation, transactionsOf } from '../support/trace.ts';

/*
 * How far one has to read to follow an award. Whoever makes the way longer shortens it elsewhere, or decides here that it is
 * worth it. `npm run trace` shows the way.
 */

const service = await openService(t, { line: true });

t.test('an award passes at most 20 files and 60 named functions', async t => {
  const trace = await traceOperation(service, 'awardCreate');
  t.comment(textOf('awardCreate', trace));
  t.equal(trace.reply.status, 201);
  t.ok(trace.files.size <= 20, `${trace.files.size} files`);
  t.ok(trace.named <= 60, `${trace.named} named functions`);
  t.ok(trace.files.get('earning/award.ts')?.includes('draftAward'), 'ours were counted');
  t.equal(transactionsOf(trace.statements), 1);
});

t.test('refused by a cap, it takes the same way: validated once, in one database transaction', async t => {
  const trace = await traceCapped(service);
  t.comment(textOf('awardCreate, refused by a cap', trace));
  t.equal(trace.reply.body.code, 'cap-reached');
  t.equal(transactionsOf(trace.statements), 1);
  t.equal(trace.statements.filter(text => /ledger\.post/.test(text)).length, 1);
});
