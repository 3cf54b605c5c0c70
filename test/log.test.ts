import { test } from 'tap';
import { connect, openService, villages } from './support/service.ts';

const home = `/v1/villages/${villages.own}/households`;

test('the log keeps to itself what it hears', async t => {
  const lines: string[] = [];
  const service = await openService(t, { log: line => lines.push(line) });
  const clerk = await service.as('clerk');
  const admin = await service.as('villageAdmin');
  const secrets: string[] = [];
  const marked = (text: string) => {
    secrets.push(text);
    return text;
  };

  const login = 'marked-login';
  const password = marked('MARK password of fifteen');
  await admin('POST', '/v1/users', {
    login,
    name: marked('MARK某人'),
    password,
    grant: { role: 'clerk', prefix: villages.own },
  });
  const signed = await service.anonymous('POST', '/v1/sessions', { login, password });
  marked(signed.body.accessToken);
  marked(signed.body.refreshToken);
  await service.anonymous('POST', '/v1/sessions', { login, password: marked('MARK wrong one') });
  await service.anonymous('POST', '/v1/sessions/refresh', { refreshToken: signed.body.refreshToken });
  const made = await clerk('POST', home, {
    grid: 1,
    address: marked('MARK第一组 8 号'),
    members: [{ name: marked('MARK张小三'), phone: marked('13900007777'), idLast4: '166X' }],
  });
  t.equal(made.status, 201);
  await clerk('GET', `${home}?q=${encodeURIComponent('MARK张小三')}`);
  const card = await clerk('POST', `${home}/${made.body.id}/cards`);
  marked(card.body.code);
  await clerk('PUT', `${home}/${made.body.id}/pin`, { pin: marked('402857') });
  // Refusals and malformed bodies are logged no more than successes.
  await clerk('POST', home, { grid: 1, members: [{ name: 'MARK张小三', phone: 'MARK not a phone' }] });
  await clerk('POST', home, '{"members": "MARK broken');
  // Nor is a failure of the database, which quotes what it was given.
  const owner = await connect(t, service.ownerUrl);
  await owner.query('alter table households.member add constraint planted check (name <> $$MARK欧阳某$$) not valid');
  const failed = await clerk('POST', home, {
    grid: 1,
    members: [{ name: 'MARK欧阳某', phone: marked('13900008888') }],
  });
  t.equal(failed.status, 500);
  t.match(JSON.parse(lines.find(line => line.includes('"msg":"unexpected"'))!), {
    err: { message: 'PostgreSQL: 23514 planted', stack: /src\/households/ },
  });
  await service.anonymous('GET', home, undefined, { authorization: `Bearer ${marked('MARK.forged.token')}` });

  t.ok(lines.length >= 10, 'one line a request');
  const log = lines.join('');
  for (const secret of [...secrets, 'MARK', encodeURIComponent('MARK张小三')]) {
    t.notOk(log.includes(secret), `${secret.slice(0, 12)}… is not in the log`);
  }
  const request = JSON.parse(lines.find(line => line.includes('"route":"/v1/villages/:village/households"'))!);
  t.match(request, { method: 'POST', status: 201, actor: clerk.actor.id, msg: 'request' });
});
