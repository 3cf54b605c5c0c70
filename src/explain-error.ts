/**
 * What the operator reads when the service or a command cannot go on: one sentence where the error was worded for them,
 * and the whole error where it is a bug.
 */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE')
    return `Port ${port} on ${address} is already in use: stop the process that uses it, or set PORT.`;
  if (code === 'EACCES' && port !== undefined) return `This user is not allowed to use port ${port}: set PORT.`;
  if (code === 'EADDRNOTAVAIL') return `${address} is not an address of this machine: set HOST.`;
  if (code === 'ENOSPC') return `The disk is full (${error.message}).`;
  // Our own sentences are plain errors; TypeErrors, errors of PostgreSQL and the like are nobody's.
  return Object.getPrototypeOf(error) === Error.prototype ? error.message : (error.stack ?? error.message);
}
