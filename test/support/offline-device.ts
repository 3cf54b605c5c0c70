import { createHash, randomUUID } from 'node:crypto';
import { iso } from '../../src/calendar.ts';
import { type DeviceKey, proofBy, signedBy } from '../../src/sample/device-key.ts';
import type { DeviceCaller, Reply, Service } from './service.ts';

/** Where a device writes down what it does without a network: each operation signed, numbered and chained. */
export interface OfflineDevice {
  caller: DeviceCaller;
  kioskId: string;
  /** Of the last operation that was signed. */
  seq: number;
  prev: string;
  /** Those that were signed, in order. */
  signed: { opId: string; jws: string }[];
  /** Signs the next operation, as of now. `said` changes what stands in it. Answers its id. */
  sign(type: string, about: object, said?: object): string;
  /** A copy of the device as it is now, with the same key. */
  cloned(): OfflineDevice;
  upload(ops?: readonly string[]): Promise<Reply>;
  /** Over a line that may lose the answer. Undefined: it did. */
  uploadOver(origin: string, ops: readonly string[]): Promise<{ status: number; text: string } | undefined>;
  allowances(householdIds: string[]): Promise<Reply>;
}

export function offlineDevice(service: Service, caller: DeviceCaller, key: DeviceKey = caller.key): OfflineDevice {
  const kioskId = caller.actor.id;
  const device: OfflineDevice = {
    caller,
    kioskId,
    seq: 0,
    prev: key.thumbprint,
    signed: [],
    sign(type, about, said = {}) {
      const opId = randomUUID();
      const links = { opId, kioskId, seq: device.seq + 1, prev: device.prev };
      const payload = { ...links, type, occurredAt: iso(service.clock.now()), clockOffsetMs: 0, ...about, ...said };
      const jws = signedBy(key, { typ: 'jifen-op+jws', kid: key.thumbprint }, payload);
      device.seq = payload.seq;
      device.prev = hashOf(jws);
      device.signed.push({ opId: payload.opId, jws });
      return payload.opId;
    },
    cloned() {
      const copy = offlineDevice(service, caller, key);
      return Object.assign(copy, { seq: device.seq, prev: device.prev, signed: [...device.signed] });
    },
    upload: ops => caller('POST', '/v1/kiosk/ops', { ops: ops ?? device.signed.map(({ jws }) => jws) }),
    async uploadOver(origin, ops) {
      const at = service.clock.now().epochMilliseconds / 1000;
      const url = 'https://jifen.example/v1/kiosk/ops';
      const headers = {
        authorization: `DPoP ${caller.token}`,
        dpop: proofBy(key, { method: 'POST', url, token: caller.token, at }),
        'content-type': 'application/json',
        connection: 'close',
      };
      try {
        const answer = await fetch(`${origin}/v1/kiosk/ops`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ ops }),
        });
        return { status: answer.status, text: await answer.text() };
      } catch {
        return undefined;
      }
    },
    allowances: householdIds => caller('POST', '/v1/kiosk/allowances', { headSeq: device.seq, householdIds }),
  };
  return device;
}

export function hashOf(jws: string): string {
  return createHash('sha256').update(jws).digest('base64url');
}
