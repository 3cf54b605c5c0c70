import { execFile, spawnSync } from 'node:child_process';
import { randomUUIDv7 } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import tap, { t } from 'tap';
import { post } from '../src/ledger/post.ts';
import type { Command } from '../src/ledger/transactions.ts';
import { nobody, openService, villages } from './support/service.ts';

// Many programs are started, and each takes a while on a busy machine.
tap.setTimeout(900_000);

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const missing = ['python3', 'curl', 'awk', 'openssl', 'base64'].find(
  program => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
);

t.test('a stranger checks a book with what docs/verify-by-hand.md says', async t => {
  if (missing !== undefined) return t.pass(`skipped: needs ${missing}`);
  const service = await openService(t);
  const village = villages.own;
  const household = await service.household();
  const give = (memo?: string): Command => {
    const id = randomUUIDv7();
    const transfers = [{ from: 'issued', to: `household:${household}:available`, asset: 'PTS' as const, amount: 1 }];
    const event = { actor: nobody.id, occurredAt: '2026-11-22T02:10:00.000Z', businessDate: '2026-11-22', memo };
    return { id, kind: 'given', cause: `test:${id}`, ...event, transfers, frozen: { ruleCode: 'A\\01' } };
  };
  const commands = [give(), give('第一组\n\n清扫'), give(''), ...Array.from({ length: 2 }, () => give())];
  await service.inVillage(village, tx => post(tx, village, commands, { atomic: true }));
  const admin = await service.as('villageAdmin');
  const auditor = await service.as('auditor');
  t.equal((await admin('POST', `/v1/villages/${village}/book/checkpoints`)).status, 200);
  await service.inVillage(village, tx => post(tx, village, [give()], { atomic: true }));
  const { headHash } = (await auditor('GET', `/v1/villages/${village}/book`)).body;
  await service.app.listen({ host: '127.0.0.1', port: 0 });

  const page = await readFile(new URL('../docs/verify-by-hand.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```(sh|python)\n([\s\S]*?)```/g)].map(([, language, text]) => ({
    language,
    text: text!,
  }));
  const blockWith = (words: string) => blocks.find(({ text }) => text.includes(words))!.text;
  const folder = await mkdtemp(join(tmpdir(), 'jifen-by-hand-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'verify.py'), blocks.find(({ language }) => language === 'python')!.text);
  /** Runs a block of the page; `npx jifen` is the one of this tree. */
  const run = async (words: string) => {
    const { port } = service.app.server.address() as AddressInfo;
    const env = { ...process.env, ORIGIN: `http://127.0.0.1:${port}`, VILLAGE: village, TOKEN: auditor.token };
    const script = `set -e\n${blockWith(words).replaceAll('npx jifen', `'${process.execPath}' '${cli}'`)}`;
    return execute('sh', ['-c', script], { cwd: folder, env });
  };

  t.equal((await run('curl')).code, 0);
  const journal = await readFile(join(folder, 'journal.txt'));
  const url = `/v1/villages/${village}/journal?format=canonical`;
  const ofDay = await auditor('GET', `${url}&from=2026-11-22&to=2026-11-23`);
  t.equal(ofDay.text, journal.toString(), 'all of it is of one day');
  t.match(ofDay.headers['content-disposition'], `journal-${village}-2026-11-22-2026-11-23.txt`);
  t.equal((await auditor('GET', `${url}&from=2026-11-23`)).text, '');
  t.match(await run('python3 verify.py'), {
    code: 0,
    out: `6 transactions, head ${headHash}\nthe checkpoint of 5 transactions fits\n`,
  });
  t.match(await run('openssl pkeyutl'), { code: 0, out: 'Signature Verified Successfully' });
  t.match(await run('awk'), { code: 0, out: `${headHash}\n` });
  t.match(await run('jifen verify'), { code: 0, out: `${village} sound, 6 transactions, head ${headHash}` });

  await t.test('one changed byte is noticed', async t => {
    const at = journal.indexOf('清扫');
    await writeFile(
      join(folder, 'journal.txt'),
      Buffer.concat([journal.subarray(0, at), Buffer.from('打'), journal.subarray(at + 3)]),
    );
    t.match(await run('python3 verify.py'), { code: 1, out: 'the checkpoint of 5 transactions DOES NOT FIT' });
    t.match(await run('jifen verify'), { code: 1, out: /UNSOUND.*\n {2}checkpoints: checkpoint of 5 transactions/ });
  });

  await t.test('a missing transaction is noticed', async t => {
    const end = journal.indexOf('\n\n') + 2;
    await writeFile(join(folder, 'journal.txt'), journal.subarray(end));
    t.match(await run('python3 verify.py'), { code: 1, err: 'transaction 1 is not where it should be' });
    t.match(await run('jifen verify'), { code: 1, out: 'numbers: transaction 2: expected after transaction 1' });
    await writeFile(
      join(folder, 'journal.txt'),
      journal.subarray(0, journal.lastIndexOf('jifen/1', journal.lastIndexOf('jifen/1') - 1)),
    );
    t.match(await run('python3 verify.py'), { code: 1, out: 'DOES NOT FIT' });
    t.match(await run('jifen verify'), { code: 1, out: 'expected 5 transactions, found 4' });
  });

  await t.test('a checkpoint that nobody signed is noticed', async t => {
    await writeFile(join(folder, 'journal.txt'), journal);
    const checkpoint = await readFile(join(folder, 'checkpoint.txt'), 'utf8');
    await writeFile(join(folder, 'checkpoint.txt'), checkpoint.replace('\n5\n', '\n6\n'));
    t.equal((await run('openssl pkeyutl')).code, 1);
    t.match(await run('jifen verify'), { code: 2, err: 'is not signed with the key' });
  });
});

async function execute(command: string, args: string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
  return promisify(execFile)(command, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout as string, err: stderr as string }),
  );
}
