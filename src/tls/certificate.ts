import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';

/** What a server shows of itself, in PEM: its certificate with those of whoever vouched for it, and its key. */
export interface Certificate {
  cert: string;
  key: string;
}

interface Files {
  /** Paths. */
  cert: string;
  key: string;
}

/** A certificate that may run out before somebody is in the village who can make another. */
const warnDays = 30;

/**
 * Reads certificate and key, and refuses a pair that no client would take: one that is unreadable, does not belong together or
 * has run out. @throws Error that says which, in one line
 */
export async function readCertificate(files: Files): Promise<Certificate> {
  const [cert, key] = await Promise.all([readPem(files.cert), readPem(files.key)]);
  checkCertificate({ cert, key }, files);
  return { cert, key };
}

/**
 * Looks at the files every `intervalMs` and has the server show what is in them, from the next connection on; those that are
 * open stay. Files that do not do are told in the log, once, and the server goes on with what it has: the two are seldom
 * written in one moment, so they are told only when they are found a second time. By reading, not by watching: a
 * certificate is often put in place by a renamed folder or link, of which a watched file never tells.
 */
export function followCertificate(
  server: Server,
  files: Files,
  { shown, log, intervalMs }: { shown: Certificate; log: Logger; intervalMs: number },
): { stop(): void } {
  let [current, seen] = [nameOf(shown), nameOf(shown)];
  let told = '';
  const look = async () => {
    const read = await readCertificate(files).catch((error: Error) => error);
    const name = read instanceof Error ? read.message : nameOf(read);
    const isSettled = name === seen;
    seen = name;
    if (name === current) {
      told = '';
    } else if (!(read instanceof Error)) {
      server.setSecureContext(read);
      current = name;
      told = '';
      log.info({ certificate: detailsOf(read.cert) }, 'serving a new certificate');
    } else if (isSettled && told !== name) {
      told = name;
      log.error({ reason: name, certificate: files.cert }, 'new certificate is unusable; still serving the old one');
    }
  };
  let stopped = false;
  const next = () => {
    if (stopped) return;
    timer = setTimeout(() => void look().finally(next), intervalMs);
    timer.unref();
  };
  let timer: NodeJS.Timeout;
  next();
  const ends = Temporal.Instant.fromEpochMilliseconds(Date.parse(new X509Certificate(shown.cert).validTo));
  if (Temporal.Now.instant().until(ends).total('hours') < warnDays * 24)
    log.warn({ certificate: detailsOf(shown.cert) }, 'certificate expires soon');
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function checkCertificate({ cert, key }: Certificate, files: Files): void {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch {
    throw new Error(`${files.cert} is no certificate in PEM.`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const isOther = (error as { code?: string }).code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';
    throw new Error(`${files.key} is ${isOther ? 'not the key of' : 'no usable key in PEM for'} ${files.cert}.`);
  }
  if (Date.parse(parsed.validTo) <= Date.now()) throw new Error(`${files.cert} expired on ${parsed.validTo}.`);
}

function nameOf({ cert, key }: Certificate): string {
  return `${cert}\n${key}`;
}

function detailsOf(cert: string) {
  const { subjectAltName, validTo, fingerprint256 } = new X509Certificate(cert);
  return { names: subjectAltName, validTo, fingerprint256 };
}
