import { isIP } from 'node:net';
import { join } from 'node:path';
import { Encrypter } from 'age-encryption';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';

/** Everything the environment may say. This file is its only reader. */
const Environment = Type.Object({
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65535 }),
  DATABASE_URL: Type.String({ default: '' }),
  DATABASE_APP_URL: Type.String({ default: '' }),
  JIFEN_POSTGRES_BIN: Type.String({ default: '' }),
  JIFEN_DATA_DIR: Type.String({ default: './data' }),
  JIFEN_BACKUP_DIR: Type.String({ default: '' }),
  JIFEN_BACKUP_LOG_MINUTES: Type.Integer({ default: 5, minimum: 1, maximum: 60 }),
  JIFEN_BACKUP_KEEP: Type.String({ default: '7,4,12' }),
  JIFEN_BACKUP_RECIPIENT: Type.String({ default: '' }),
  JIFEN_ROLE: Type.Enum(['all', 'api', 'worker'], { default: 'all' }),
  JIFEN_SAMPLE: Type.Enum(['auto', 'on', 'off'], { default: 'auto' }),
  JIFEN_SAMPLE_PASSWORD: Type.String({ default: '' }),
  JIFEN_ORIGIN: Type.String({ default: 'https://jifen.example' }),
  JIFEN_TLS_CERT: Type.String({ default: '' }),
  JIFEN_TLS_KEY: Type.String({ default: '' }),
  JIFEN_CORS_ORIGINS: Type.String({ default: '' }),
  JIFEN_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
  JIFEN_REQUESTS_PER_MINUTE: Type.Integer({ default: 600, minimum: 10, maximum: 10_000_000 }),
  JIFEN_PAIRINGS_PER_HOUR: Type.Integer({ default: 10, minimum: 1, maximum: 10_000 }),
  JIFEN_MIN_CLIENT_VERSION: Type.String({ default: '' }),
  JIFEN_TRUST_PROXY: Type.String({ default: 'false' }),
  JIFEN_PHOTO_S3_ENDPOINT: Type.String({ default: '' }),
  JIFEN_PHOTO_S3_REGION: Type.String({ default: 'us-east-1' }),
  JIFEN_PHOTO_S3_BUCKET: Type.String({ default: '' }),
  JIFEN_PHOTO_S3_KEY_ID: Type.String({ default: '' }),
  JIFEN_PHOTO_S3_SECRET: Type.String({ default: '' }),
});

export interface BackupSettings {
  /** Holds a folder for each installation. */
  backups: string;
  /** Whom they are encrypted for, as an age recipient; null: they are not. */
  recipient: string | null;
  /** How often the log is copied. */
  logMinutes: number;
  /** How many bases stay: all of so many days, and the last of each of so many weeks and months. */
  keep: { daily: number; weekly: number; monthly: number };
}

export interface Config {
  host: string;
  port: number;
  /** Connection string of the owner of an external PostgreSQL; empty: the embedded one. */
  databaseUrl: string;
  /** Connection string the service works with; empty: made from `databaseUrl`. */
  databaseAppUrl: string;
  /** Folder of the programs that the embedded database runs on; empty: those that npm has brought. */
  postgresBin: string;
  /** Folder of the embedded database, keys, photos and sample sign-ins. */
  dataDir: string;
  /** The embedded database's; null: none are made by the service. */
  backup: BackupSettings | null;
  role: 'all' | 'api' | 'worker';
  /** `auto`: into an empty embedded database only. */
  sample: 'auto' | 'on' | 'off';
  samplePassword: string;
  /** Public origin of the service: issuer of its tokens, root of its problem addresses. */
  origin: string;
  /** Paths of certificate and key, in PEM; null: it speaks plain HTTP. */
  tls: { cert: string; key: string } | null;
  /** Whose pages may call the API from a browser, as browsers write them. */
  corsOrigins: string[];
  logLevel: string;
  /** Quota of a person's sign-in; a kiosk has half of it, an address without a sign-in a tenth. */
  requestsPerMinute: number;
  /** From one address. */
  pairingsPerHour: number;
  /** Oldest version of the kiosks’ app that may be used; null: any. */
  minClientVersion: string | null;
  /** Whose `X-Forwarded-For` is believed: nobody's, that of so many proxies in a row, or that of these addresses. */
  trustProxy: false | number | string[];
  /** Where photos lie; null: in the data folder. */
  photoBucket: { endpoint: string; region: string; bucket: string; keyId: string; secret: string } | null;
}

/** Reads the environment once, and `.env` behind it. @throws Error that names the variable, in one line */
export function readConfig(): Config {
  const env = readEnvironment();
  if (env.DATABASE_URL === '' && env.DATABASE_APP_URL !== '')
    throw new Error('DATABASE_APP_URL requires DATABASE_URL, which migrations run with.');
  if (env.DATABASE_URL === '' && env.JIFEN_ROLE !== 'all')
    throw new Error(
      `JIFEN_ROLE=${env.JIFEN_ROLE} requires DATABASE_URL: the embedded database serves a single process.`,
    );
  return {
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    databaseAppUrl: env.DATABASE_APP_URL,
    postgresBin: env.JIFEN_POSTGRES_BIN,
    dataDir: env.JIFEN_DATA_DIR,
    backup: backupOf(env),
    role: env.JIFEN_ROLE,
    sample: env.JIFEN_SAMPLE,
    samplePassword: env.JIFEN_SAMPLE_PASSWORD,
    origin: env.JIFEN_ORIGIN.replace(/\/$/, ''),
    tls: tlsOf(env),
    corsOrigins: originsOf(env.JIFEN_CORS_ORIGINS),
    logLevel: env.JIFEN_LOG_LEVEL,
    requestsPerMinute: env.JIFEN_REQUESTS_PER_MINUTE,
    pairingsPerHour: env.JIFEN_PAIRINGS_PER_HOUR,
    minClientVersion: clientVersionOf(env.JIFEN_MIN_CLIENT_VERSION),
    trustProxy: trustedProxies(env.JIFEN_TRUST_PROXY),
    photoBucket: bucketOf(env),
  };
}

/** Where backups lie unless somebody says otherwise. */
export function backupFolderOf(dataDir: string): string {
  return join(dataDir, 'backups');
}

function backupOf(env: Static<typeof Environment>): BackupSettings | null {
  const { JIFEN_BACKUP_DIR: folder, JIFEN_BACKUP_RECIPIENT: recipient } = env;
  const [, daily, weekly, monthly] = (/^(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(env.JIFEN_BACKUP_KEEP) ?? []).map(Number);
  if (daily === undefined || weekly === undefined || monthly === undefined || daily < 1)
    throw new Error('JIFEN_BACKUP_KEEP must be the days, weeks and months to keep, such as 7,4,12; at least one day.');
  if (recipient !== '' && !isRecipient(recipient))
    throw new Error('JIFEN_BACKUP_RECIPIENT must be an age recipient (age1…); jifen backup key makes one.');
  if (env.DATABASE_URL !== '') {
    // Whoever sets these believes that backups are made.
    if (!['', 'off'].includes(folder) || recipient !== '')
      throw new Error(
        'JIFEN_BACKUP_… is for the embedded database. docs/backup.md tells how to back up an external one.',
      );
    return null;
  }
  if (folder === 'off') return null;
  return {
    backups: folder === '' ? backupFolderOf(env.JIFEN_DATA_DIR) : folder,
    recipient: recipient === '' ? null : recipient,
    logMinutes: env.JIFEN_BACKUP_LOG_MINUTES,
    keep: { daily, weekly, monthly },
  };
}

/** Its last letters are a checksum: a letter that was mistyped is found here, and not in the first night. */
function isRecipient(text: string): boolean {
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** As a browser names them: it writes no path, no slash, no default port, and a name in small letters. */
function originsOf(text: string): string[] {
  const named = text
    .split(',')
    .map(origin => origin.trim())
    .filter(origin => origin !== '');
  return named.map(name => {
    const url = URL.canParse(name) ? new URL(name) : null;
    if (url === null || !/^https?:$/.test(url.protocol) || `${url.pathname}${url.search}${url.hash}` !== '/')
      throw new Error(
        `JIFEN_CORS_ORIGINS must be origins such as https://kiosk.example, comma-separated; not ${name}.`,
      );
    return url.origin;
  });
}

function tlsOf({ JIFEN_TLS_CERT: cert, JIFEN_TLS_KEY: key }: Static<typeof Environment>): Config['tls'] {
  if (cert === '' && key === '') return null;
  if (cert === '' || key === '') throw new Error('JIFEN_TLS_CERT and JIFEN_TLS_KEY must be set together.');
  return { cert, key };
}

function clientVersionOf(text: string): string | null {
  if (text === '') return null;
  if (/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(text)) return text;
  throw new Error('JIFEN_MIN_CLIENT_VERSION must be a version such as 1.4.0.');
}

/** Trusting every sender would let each client choose its own address: so `true` is no answer. */
function trustedProxies(text: string): Config['trustProxy'] {
  if (text === 'false') return false;
  if (/^[1-9]$/.test(text)) return Number(text);
  const proxies = text.split(',').map(proxy => proxy.trim());
  if (!proxies.every(isProxy))
    throw new Error(
      'JIFEN_TRUST_PROXY must be false, the number of proxies in front of the service (1 to 9), or their addresses, such as 10.0.0.2,fd00::/64.',
    );
  return proxies;
}

function isProxy(proxy: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(proxy)) return true;
  const [address = '', bits, ...rest] = proxy.split('/');
  const bitsMax = { 0: 0, 4: 32, 6: 128 }[isIP(address)]!;
  if (bitsMax === 0 || rest.length > 0) return false;
  return bits === undefined || (/^[1-9][0-9]{0,2}$/.test(bits) && Number(bits) <= bitsMax);
}

function bucketOf(env: Static<typeof Environment>): Config['photoBucket'] {
  const named = {
    JIFEN_PHOTO_S3_ENDPOINT: env.JIFEN_PHOTO_S3_ENDPOINT,
    JIFEN_PHOTO_S3_BUCKET: env.JIFEN_PHOTO_S3_BUCKET,
    JIFEN_PHOTO_S3_KEY_ID: env.JIFEN_PHOTO_S3_KEY_ID,
    JIFEN_PHOTO_S3_SECRET: env.JIFEN_PHOTO_S3_SECRET,
  };
  const missing = Object.keys(named).filter(name => named[name as keyof typeof named] === '');
  if (missing.length === Object.keys(named).length) return null;
  if (missing.length > 0)
    throw new Error(`${missing[0]} is missing: a photo bucket requires all JIFEN_PHOTO_S3_ variables.`);
  if (!URL.canParse(env.JIFEN_PHOTO_S3_ENDPOINT)) throw new Error('JIFEN_PHOTO_S3_ENDPOINT must be a URL.');
  return {
    endpoint: env.JIFEN_PHOTO_S3_ENDPOINT,
    region: env.JIFEN_PHOTO_S3_REGION,
    bucket: env.JIFEN_PHOTO_S3_BUCKET,
    keyId: env.JIFEN_PHOTO_S3_KEY_ID,
    secret: env.JIFEN_PHOTO_S3_SECRET,
  };
}

function readEnvironment(): Static<typeof Environment> {
  try {
    return envSchema<Static<typeof Environment>>({ schema: Environment, dotenv: true });
  } catch (error) {
    const [first] = (error as { errors?: { instancePath: string; message?: string; params: object }[] }).errors ?? [];
    if (first === undefined) throw error;
    const allowed = 'allowedValues' in first.params ? `: ${(first.params.allowedValues as string[]).join(', ')}` : '';
    throw new Error(`${first.instancePath.slice(1)} ${first.message}${allowed}.`, { cause: error });
  }
}
