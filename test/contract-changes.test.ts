import { readFile } from 'node:fs/promises';
import { test } from 'tap';
import { breakingChanges, type Contract, unannounced } from './support/contract-changes.ts';

const committed = await readFile(new URL('../openapi/openapi.json', import.meta.url), 'utf8');

const household = '/v1/villages/{village}/households/{household}';
const cardRevoke = '/v1/villages/{village}/cards/{card}/revoke';
const offers = '/v1/villages/{village}/offers';
const paths = [
  household,
  `${household}/pin`,
  cardRevoke,
  offers,
  '/v1/villages/{village}/book',
  '/v1/kiosk/sessions/current',
];

/** A part of the committed contract, and what it becomes. */
function changed(change: (contract: Contract) => void): [before: Contract, after: Contract] {
  const part = () => {
    const contract: Contract = JSON.parse(committed);
    return { ...contract, paths: Object.fromEntries(paths.map(path => [path, contract.paths[path]])) };
  };
  const after = part();
  change(after);
  return [part(), after];
}

test('what a client would trip over is seen, and whom it is about', async t => {
  const planted: [operationId: string, change: (contract: Contract) => void][] = [
    ['householdGet', contract => delete contract.paths[household].get],
    ['cardRevoke', contract => delete contract.paths[cardRevoke]],
    [
      'householdPinSet',
      contract => {
        contract.components.schemas.PinSet.properties.reason = { type: 'string' };
        contract.components.schemas.PinSet.required.push('reason');
      },
    ],
    [
      'householdPinSet',
      contract => {
        contract.components.schemas.PinSet.properties.pin.pattern = '^[0-9]{8}$';
      },
    ],
    ['kioskSessionGet', contract => delete contract.components.schemas.KioskSession.properties.points],
    [
      'offerList',
      contract =>
        contract.paths[offers].get.parameters.push({
          name: 'shelf',
          in: 'query',
          required: true,
          schema: { type: 'string' },
        }),
    ],
    [
      'bookGet',
      contract => {
        const [field] = Object.keys(contract.components.schemas.Book.properties);
        contract.components.schemas.Book.properties[field!] = { type: 'boolean' };
      },
    ],
  ];
  for (const [operationId, change] of planted) {
    const found = breakingChanges(...changed(change));
    t.ok(
      found.some(one => one.operationId === operationId),
      `${operationId}: ${JSON.stringify(found.slice(0, 3))}`,
    );
  }
});

test('what only adds, and what only explains, breaks nothing', async t => {
  const harmless: ((contract: Contract) => void)[] = [
    () => undefined,
    contract => {
      contract.paths[household].get.description = 'Otherwise told.';
    },
    contract => {
      contract.paths['/v1/new'] = { get: { operationId: 'newGet', responses: { 200: { description: 'New.' } } } };
    },
    contract => {
      contract.components.schemas.KioskSession.properties.more = { type: 'string' };
    },
    contract => {
      contract.components.schemas.PinSet.properties.more = { type: 'string' };
    },
    contract =>
      contract.paths[offers].get.parameters.push({
        name: 'shelf',
        in: 'query',
        schema: { type: 'string' },
      }),
  ];
  for (const change of harmless) t.strictSame(breakingChanges(...changed(change)), []);
});

test('a changelog announces what it names under Breaking of the next release, and nowhere else', async t => {
  const changes = [{ operationId: 'householdGet', change: 'remove the operation' }];
  const changelog = (unreleased: string, released: string) =>
    `# Changelog\n\n## [Unreleased]\n\n${unreleased}\n\n## [1.0.0] - 2026-01-01\n\n${released}\n`;
  const announced = '### Breaking\n\n- `householdGet` is gone.';
  t.strictSame(unannounced(changes, changelog(`${announced}\n\n### Added\n\n- More.`, '')), []);
  t.strictSame(unannounced(changes, changelog('### Breaking\n\n- `cardRevoke` is gone.', '')), changes);
  t.strictSame(unannounced(changes, changelog('### Removed\n\n- `householdGet` is gone.', '')), changes);
  t.strictSame(unannounced(changes, changelog('', announced)), changes);
});
