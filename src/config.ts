import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';

/** Everything the environment may say. This file is its only reader. */
const Environment = Type.Object({
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65535 }),
  DATABASE_URL: Type.String({ default: '' }),
  DATABASE_APP_URL: Type.String({ default: '' }),
  JIFEN_DATA_DIR: Type.String({ default: './data' }),
  JIFEN_ROLE: Type.Enum(['all', 'api', 'worker'], { default: 'all' }),
  JIFEN_SAMPLE: Type.Enum(['auto', 'on', 'off'], { default: 'auto' }),
  JIFEN_SAMPLE_PASSWORD: Type.String({ default: '' }),
  JIFEN_ORIGIN: Type.String({ default: 'https://jifen.example' }),
  JIFEN_CORS_ORIGINS: Type.String({ default: '' }),
  JIFEN_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
  JIFEN_TRUST_PROXY: Type.Boolean({ default: false }),
});

export interface Config {
  host: string;
  port: number;
  /** Connection string of the owner of an external PostgreSQL; empty: the embedded one. */
  databaseUrl: string;
  /** Connection string the service works with; empty: made from `databaseUrl`. */
  databaseAppUrl: string;
  /** Folder of the embedded database, keys and sample sign-ins. */
  dataDir: string;
  role: 'all' | 'api' | 'worker';
  /** `auto`: into an empty embedded database only. */
  sample: 'auto' | 'on' | 'off';
  samplePassword: string;
  /** Public origin of the service: issuer of its tokens, root of its problem addresses. */
  origin: string;
  corsOrigins: string[];
  logLevel: string;
  trustProxy: boolean;
}

/** Reads the environment once. Throws with the name of what is wrong. */
export function readConfig(): Config {
  const env = envSchema<Static<typeof Environment>>({ schema: Environment, dotenv: true });
  return {
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    databaseAppUrl: env.DATABASE_APP_URL,
    dataDir: env.JIFEN_DATA_DIR,
    role: env.JIFEN_ROLE,
    sample: env.JIFEN_SAMPLE,
    samplePassword: env.JIFEN_SAMPLE_PASSWORD,
    origin: env.JIFEN_ORIGIN.replace(/\/$/, ''),
    corsOrigins: env.JIFEN_CORS_ORIGINS.split(',').filter(origin => origin !== ''),
    logLevel: env.JIFEN_LOG_LEVEL,
    trustProxy: env.JIFEN_TRUST_PROXY,
  };
}
