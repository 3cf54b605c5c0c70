import type { Role } from '../../src/http/route.ts';
import type { DeviceKey } from '../../src/sample/device-key.ts';
import type { Caller } from './service.ts';
import type { World } from './world.ts';

/** A call that succeeds for whoever may make it. */
export interface Call {
  method: string;
  url: string;
  body?: unknown;
  /** Of a body that is no JSON. */
  headers?: Record<string, string>;
  /** Of the device that makes a call that nobody has to be signed in for. */
  key?: DeviceKey;
}

/** For whom a call is made ready, and where. */
export interface Ask {
  village: string;
  /** Who will call; absent when it is meant to be refused. */
  caller?: Caller | undefined;
  role?: Role | undefined;
  /** The household the call is about: the caller's own, where a household calls. */
  household(): Promise<string>;
}

export interface Sample {
  /** Whether the call names a village or something in one, so that a neighbour's is another call than ours. */
  placed: boolean;
  make(world: World, ask: Ask): Promise<Call>;
}

export type Make = Sample['make'];

/** Calls about a village, or about something that belongs to one. */
export const placed = (make: Make): Sample => ({ placed: true, make });
/** Calls about the caller, or about the service. */
export const anywhere = (make: Make): Sample => ({ placed: false, make });

export const at = (village: string) => `/v1/villages/${village}`;
export const get = (url: string): Call => ({ method: 'GET', url });
export const post = (url: string, body?: unknown): Call => ({
  method: 'POST',
  url,
  ...(body !== undefined && { body }),
});

/** A merge patch of what was never corrected, or of the version that is named. */
export const patch = (url: string, body: object, etag = '"1"'): Call => ({
  method: 'PATCH',
  url,
  body,
  headers: { 'content-type': 'application/merge-patch+json', 'if-match': etag },
});
