import { createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { t } from 'tap';
import {
  checkpointText,
  keyIdOf,
  parseCheckpoint,
  parseNote,
  parseVerifier,
  rawPublicKey,
  signNote,
  verifierText,
  verifyNote,
} from '../src/checkpoints/note.ts';
import { tlogProofText } from '../src/checkpoints/tlog-proof.ts';
import {
  append,
  consistencySpans,
  inclusionSpans,
  newRange,
  rangeOver,
  rootOf,
  type Span,
  verifyConsistency,
  verifyInclusion,
} from '../src/checkpoints/tree.ts';
import { leafOf } from './support/book.ts';
import { consistencyOf, pathOf, treeHash } from './support/reference-tree.ts';
import { parseTlogProof, verifyTlogProof } from './support/tlog-proof.ts';

const seed = Number(process.env.JIFEN_SEED ?? Date.now() % 2_147_483_647);

/** The leaves that Certificate Transparency's implementations test themselves with, and the roots of 0, 1, … of them. */
const texts = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots: Record<number, string> = {
  0: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  1: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  2: 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  3: 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  8: '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
};

const leaves = Array.from({ length: 600 }, (_, i) => leafOf(`leaf ${i}`));
const rootAt = (size: number) => rootOf(rangeOver(leaves.slice(0, size)));
const hashesOf = (spans: Span[]) => spans.map(({ start, end }) => rootOf(rangeOver(leaves.slice(start, end))));

/** The same bytes but for one, which differs. */
function altered(bytes: Buffer, at: number, by = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= by;
  return copy;
}

t.test('known roots', async t => {
  const known = texts.map(text => leafOf(Buffer.from(text, 'hex')));
  for (const [size, root] of Object.entries(roots)) {
    t.equal(rootOf(rangeOver(known.slice(0, Number(size)))).toString('hex'), root, `of ${size} leaves`);
  }
});

t.test('roots and proofs are those of the recursive definitions, for every tree of up to 40 leaves', async t => {
  for (let size = 0; size <= 40; size += 1) {
    const here = leaves.slice(0, size);
    t.same(rootAt(size), treeHash(here), `root of ${size}`);
    const inclusion = here.map((_, index) => hashesOf(inclusionSpans(index, size)));
    t.same(
      inclusion,
      here.map((_, index) => pathOf(index, here)),
      `inclusion in ${size}`,
    );
    const consistency = here.map((_, index) => hashesOf(consistencySpans(index + 1, size)));
    t.same(
      consistency,
      here.map((_, index) => consistencyOf(index + 1, here)),
      `consistency with ${size}`,
    );
  }
  t.same(consistencySpans(0, 7), [], 'everything begins with nothing');
});

t.test('a proof verifies, and no change of it does', async t => {
  const shapes = fc
    .tuple(fc.integer({ min: 1, max: 600 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([size, index, byte, by]) => ({ size, index: index % size, byte, by }));
  fc.assert(
    fc.property(shapes, ({ size, index, byte, by }) => {
      const claim = {
        leaf: leaves[index]!,
        index,
        size,
        hashes: hashesOf(inclusionSpans(index, size)),
        root: rootAt(size),
      };
      if (!verifyInclusion(claim)) return false;
      const swaps = claim.hashes.map((hash, i) => claim.hashes.with(i, altered(hash, byte % 32, by)));
      return ![
        { ...claim, leaf: altered(claim.leaf, byte % 32, by) },
        { ...claim, root: altered(claim.root, byte % 32, by) },
        { ...claim, index: (index + 1) % size, ...(size === 1 && { index: 1 }) },
        { ...claim, hashes: [...claim.hashes, claim.root] },
        { ...claim, size: 0 },
        ...(size > 1 ? [{ ...claim, hashes: claim.hashes.slice(1) }] : []),
        ...swaps.map(hashes => ({ ...claim, hashes })),
      ].some(verifyInclusion);
    }),
    { seed, numRuns: 150 },
  );
  fc.assert(
    fc.property(shapes, ({ size: to, index, byte, by }) => {
      const from = index + 1;
      const hashes = hashesOf(consistencySpans(from, to));
      const claim = { from, to, fromRoot: rootAt(from), toRoot: rootAt(to), hashes };
      if (!verifyConsistency(claim)) return false;
      return ![
        { ...claim, fromRoot: altered(claim.fromRoot, byte % 32, by) },
        { ...claim, toRoot: altered(claim.toRoot, byte % 32, by) },
        { ...claim, hashes: [...hashes, claim.toRoot] },
        { ...claim, from: to, to: from - 1 },
        ...(hashes.length > 0 ? [{ ...claim, hashes: hashes.slice(1) }] : []),
        ...hashes.map((hash, i) => ({ ...claim, hashes: hashes.with(i, altered(hash, byte % 32, by)) })),
      ].some(verifyConsistency);
    }),
    { seed, numRuns: 150 },
  );
  const nothing = { from: 0, to: 5, fromRoot: rootAt(0), toRoot: rootAt(5), hashes: [] };
  t.ok(verifyConsistency(nothing));
  t.notOk(verifyConsistency({ ...nothing, fromRoot: rootAt(1) }));
  t.comment(`seed ${seed}: JIFEN_SEED=${seed} runs these again`);
});

t.test('a book of 500,000 leaves passes through', async t => {
  const range = newRange();
  const start = performance.now();
  for (let i = 0; i < 500_000; i += 1) append(range, leaves[i % leaves.length]!);
  const seconds = (performance.now() - start) / 1_000;
  t.comment(`${seconds.toFixed(1)} s`);
  t.ok(range.roots.length <= 19, 'and twenty hashes are kept of it');

  const inSubtrees = newRange();
  for (let at = 0; at < 512; at += 256) append(inSubtrees, rootOf(rangeOver(leaves.slice(at, at + 256))), 256);
  for (const leaf of leaves.slice(512)) append(inSubtrees, leaf);
  t.same(rootOf(inSubtrees), rootAt(600), 'subtrees of 256 come to the same root');
  t.throws(() => append(inSubtrees, leaves[0]!, 256), { message: /multiple of its width/ });
});

/** RFC 8032, section 7.1, test 1. */
const privateKey = createPrivateKey({
  key: Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
  ]),
  format: 'der',
  type: 'pkcs8',
});
const name = 'jifen.example/books/520281127201';

t.test('the checkpoint of a book of one transaction', async t => {
  const leaf = Buffer.from('5942397e5a56a407a294fb8c46a55637024513626fe7ec029ecb02da61dd19e8', 'hex');
  const text = checkpointText({ origin: name, size: 1, root: rootOf(rangeOver([leaf])) });
  t.equal(text, `${name}\n1\nWUI5flpWpAeilPuMRqVWNwJFE2Jv5+wCnssC2mHdGeg=\n`);
  const note = signNote(text, name, privateKey);

  // Verified with node:crypto and the definitions alone.
  const [, input, line] = /^([\s\S]*\n)\n(— \S+ \S+\n)$/.exec(note)!;
  t.equal(input, text);
  const signed = Buffer.from(line!.trimEnd().split(' ')[2]!, 'base64');
  const publicKey = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
  const id = createHash('sha256').update(`${name}\n\x01`).update(publicKey).digest().subarray(0, 4);
  t.same(signed.subarray(0, 4), id);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  t.ok(verify(null, Buffer.from(input!), key, signed.subarray(4)), 'the signature stands');
  t.notOk(verify(null, Buffer.from(input!.replace('\n1\n', '\n2\n')), key, signed.subarray(4)));

  t.same(rawPublicKey(privateKey), publicKey);
  const verifier = parseVerifier(verifierText(name, publicKey));
  t.same(verifier, { name, keyId: keyIdOf(name, publicKey), publicKey });
  t.ok(verifyNote(parseNote(note), [verifier]));
  t.same(parseCheckpoint(parseNote(note).text), { origin: name, size: 1, root: leaf });

  const proof = tlogProofText({ index: 0, hashes: [], checkpoint: note });
  t.equal(proof, `c2sp.org/tlog-proof@v1\nindex 0\n\n${note}`);
  t.ok(verifyTlogProof(proof, leaf, [verifier]));
});

t.test('a note signed by somebody else’s program', async t => {
  // From the documentation of golang.org/x/mod/sumdb/note.
  const note = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;
  const verifier = parseVerifier('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
  t.ok(verifyNote(parseNote(note), [verifier]));
  t.notOk(verifyNote(parseNote(note), []), 'whom one does not know one does not believe');
  const twice = `${note}${note.split('\n')[3]!.replace('PeterNeumann', 'Somebody')}\n`;
  t.ok(verifyNote(parseNote(twice), [verifier]), 'signatures of strangers are as if they were not there');
  const forged = Buffer.concat([Buffer.from(verifier.keyId, 'hex'), Buffer.alloc(64, 7)]).toString('base64');
  t.notOk(
    verifyNote(parseNote(`${note}— PeterNeumann ${forged}\n`), [verifier]),
    'every one of a known key must stand',
  );
});

t.test('notes, keys and proofs of the wrong form', async t => {
  const note = signNote(`${name}\n1\n${leaves[0]!.toString('base64')}\n`, name, privateKey);
  const publicKey = rawPublicKey(privateKey);
  const vkey = verifierText(name, publicKey);
  const refused: [string, () => unknown, RegExp][] = [
    ['no signature', () => parseNote(`${name}\n\n`), /end with signature lines/],
    ['no empty line', () => parseNote(note.replace('\n\n', '\n')), /an empty line/],
    ['a control character', () => parseNote(note.replace('\n1\n', '\n1\r\n')), /control characters/],
    ['cut off', () => parseNote(note.slice(0, -1)), /end with signature lines/],
    ['no base64', () => parseNote(note.replace(/.=*\n$/, '\n')), /Not a signature/],
    [
      'a key id of another',
      () => parseVerifier(vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')),
      /key ID does not match/,
    ],
    ['another algorithm', () => parseVerifier(`${name}+00000000+${Buffer.alloc(33, 2).toString('base64')}`), /Ed25519/],
    ['no origin', () => parseCheckpoint(`\n1\n${leaves[0]!.toString('base64')}\n`), /origin, size and root hash/],
    [
      'a size with a zero before it',
      () => parseCheckpoint(`${name}\n01\n${leaves[0]!.toString('base64')}\n`),
      /origin, size and root hash/,
    ],
    ['a short root', () => parseCheckpoint(`${name}\n1\nAAAA\n`), /origin, size and root hash/],
    ['another first line', () => parseTlogProof(`c2sp.org/tlog-proof@v2\nindex 0\n\n${note}`), /must start with/],
    ['no index', () => parseTlogProof(`c2sp.org/tlog-proof@v1\n\n${note}`), /index of its leaf/],
    ['a short hash', () => parseTlogProof(`c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n${note}`), /Not a hash/],
  ];
  for (const [what, read, why] of refused) t.throws(read, why, what);
  const extra = parseTlogProof(`c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n${note}`);
  t.same(extra, { index: 0, hashes: [], checkpoint: note });
});

t.test('no byte of a proof can be changed', async t => {
  const [index, size] = [77, 200];
  const publicKey = rawPublicKey(privateKey);
  const verifiers = [parseVerifier(verifierText(name, publicKey))];
  const text = tlogProofText({
    index,
    hashes: hashesOf(inclusionSpans(index, size)),
    checkpoint: signNote(checkpointText({ origin: name, size, root: rootAt(size) }), name, privateKey),
  });
  const believed = (bytes: Buffer) => {
    try {
      return verifyTlogProof(bytes.toString(), leaves[index]!, verifiers);
    } catch {
      return false;
    }
  };
  const bytes = Buffer.from(text);
  t.ok(believed(bytes));
  const passed = [...bytes.keys()].flatMap(at => [1, 2, 32, 128].filter(by => believed(altered(bytes, at, by))));
  t.same(passed, []);
  t.notOk(verifyTlogProof(text, leaves[index + 1]!, verifiers));
  const other = [parseVerifier(verifierText('jifen.example/books/520281127202', publicKey))];
  t.notOk(verifyTlogProof(text, leaves[index]!, other), 'a book does not speak for its neighbour');
  const { hashes, checkpoint } = parseTlogProof(text);
  const crossed = signNote(parseNote(checkpoint).text, other[0]!.name, privateKey);
  t.notOk(
    verifyTlogProof(tlogProofText({ index, hashes, checkpoint: crossed }), leaves[index]!, other),
    'nor signs for it',
  );
});
