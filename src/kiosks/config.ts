import { dayOf } from '../calendar.ts';
import type { Db } from '../db/database.ts';
import { policyOn } from '../villages/policy.ts';
import { getVillage } from '../villages/read.ts';
import { heartbeatSeconds } from './heartbeat.ts';
import { getKiosk } from './read.ts';
import { lifetimeAt } from './session.ts';

/** Words on the screen come from here, so that they change without an update of the app. */
const locales = {
  'zh-CN': {
    title: '积分超市',
    showCard: '请出示积分卡',
    enterPin: '请输入六位密码',
    available: '可用积分',
    pending: '公示中',
    redeem: '兑换',
    confirm: '确认',
    cancel: '取消',
    done: '兑换成功',
    timedOut: '操作超时，请重新刷卡',
  },
  en: {
    title: 'Points store',
    showCard: 'Please show your card',
    enterPin: 'Enter your six-digit PIN',
    available: 'Available points',
    pending: 'Under public notice',
    redeem: 'Redeem',
    confirm: 'Confirm',
    cancel: 'Cancel',
    done: 'Done',
    timedOut: 'Timed out. Please show your card again',
  },
};

const elderMode = {
  minFontDp: 18,
  fontScale: 1.5,
  targetDp: 60,
  minContrast: 4.5,
  maxChoices: 4,
  speechRate: 0.8,
  confirmSpoken: true,
};

/** What a device needs to know to work; the same until something of it changes. @throws Refusal `not-found` */
export async function getKioskConfig(
  db: Db,
  key: { village: string; kioskId: string },
  { now, minClientVersion }: { now: Temporal.Instant; minClientVersion: string | null },
) {
  const { id, code, name, storeId, settings } = await getKiosk(db, key.village, key.kioskId);
  const { exchangeDays, pinAbovePoints, redemptionsPerDay } = await policyOn(db, key.village, dayOf(now));
  const village = await getVillage(db, key.village);
  return {
    village: { code: village.village, name: village.name },
    kiosk: { id, code, name, storeId },
    minClientVersion,
    heartbeatSeconds,
    session: lifetimeAt(settings),
    exchangeDays,
    pinAbovePoints,
    redemptionsPerDay,
    elderMode: { default: settings.elderMode, ...elderMode },
    speech: { enabled: settings.speech },
    receipt: { columns: settings.receiptColumns },
    languages: settings.languages,
    locales,
  };
}
