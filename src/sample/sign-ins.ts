import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Role } from '../http/route.ts';
import { isSecondFactorCompulsory, newTotpSecret } from '../identity/second-factor.ts';
import { sampleVillage } from './files.ts';

/** Who works in the sample village, and where else. */
export const sampleStaff: { login: string; name: string; role: Role; prefix: string }[] = [
  { login: 'admin', name: '平台管理员', role: 'platformAdmin', prefix: '' },
  { login: 'supervisor1', name: '县级监督员', role: 'supervisor', prefix: sampleVillage.slice(0, 6) },
  { login: 'auditor1', name: '审计员', role: 'auditor', prefix: sampleVillage.slice(0, 6) },
  { login: 'secretary1', name: '驻村第一书记', role: 'villageAdmin', prefix: sampleVillage },
  { login: 'clerk1', name: '村文书一', role: 'clerk', prefix: sampleVillage },
  { login: 'clerk2', name: '村文书二', role: 'clerk', prefix: sampleVillage },
  { login: 'reviewer1', name: '第一组组长', role: 'reviewer', prefix: sampleVillage },
  { login: 'reviewer2', name: '评议员一', role: 'reviewer', prefix: sampleVillage },
  { login: 'reviewer3', name: '评议员二', role: 'reviewer', prefix: sampleVillage },
  { login: 'storekeeper1', name: '积分超市店长', role: 'storekeeper', prefix: sampleVillage },
  { login: 'board1', name: '村务监督委员', role: 'supervisionBoard', prefix: sampleVillage },
];

/**
 * How each sample login signs in: its password and, where the role asks for a second factor, the secret of its verification
 * codes in base32. Made when the sample is loaded, never the same twice, and never in the repository.
 */
export type SignIns = Record<string, SignIn>;

export interface SignIn {
  password: string;
  totpSecret: string | null;
}

export function newSignIns(password: string): SignIns {
  const make = () => randomBytes(12).toString('base64url');
  return Object.fromEntries(
    sampleStaff.map(({ login, role }) => [
      login,
      {
        password: password === '' ? make() : password,
        totpSecret: isSecondFactorCompulsory([role]) ? newTotpSecret() : null,
      },
    ]),
  );
}

/** Where the sign-ins lie, next to the database they belong to: for the tour and the month's replay on this machine. */
export function signInsFile(dataDir: string): string {
  return join(dataDir, 'sample', 'sign-ins.json');
}

export async function keepSignIns(dataDir: string, signIns: SignIns): Promise<void> {
  const file = signInsFile(dataDir);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${JSON.stringify(signIns, null, 2)}\n`, { mode: 0o600 });
  // The mode above counts for a new file only.
  await chmod(file, 0o600);
}

/** @throws Error that says where sign-ins come from, when there are none */
export async function readSignIns(dataDir: string): Promise<SignIns> {
  try {
    return JSON.parse(await readFile(signInsFile(dataDir), 'utf8'));
  } catch {
    throw new Error(
      `No sample sign-ins found in ${signInsFile(dataDir)}: start the service with the sample village first.`,
    );
  }
}
