/**
 * Every way we say no. The key is the code that clients switch on; it never changes meaning. `zh` is at most 20
 * characters, so that a kiosk can show and speak it. `http/details.ts` says what happened and what to do next.
 */
export const refusals = {
  'validation-failed': { status: 400, zh: '填写内容不符合要求', en: 'Request is invalid' },
  'cursor-mismatch': { status: 400, zh: '查询条件已变，请重新查询', en: 'Cursor does not match the query' },
  'idempotency-key-required': { status: 400, zh: '缺少幂等键', en: 'Idempotency-Key is required' },
  unauthenticated: { status: 401, zh: '请先登录', en: 'Authentication is required' },
  'token-expired': { status: 401, zh: '登录已过期', en: 'Token has expired' },
  'sign-in-failed': { status: 401, zh: '账号或密码不正确', en: 'Wrong login or password' },
  'second-factor-required': {
    status: 401,
    zh: '请输入动态验证码',
    en: 'Verification code is required',
  },
  'second-factor-wrong': {
    status: 401,
    zh: '动态验证码不正确',
    en: 'Wrong verification code',
  },
  'session-revoked': { status: 401, zh: '登录已失效', en: 'Session has ended' },
  'device-proof-required': { status: 401, zh: '设备校验未通过', en: 'Device proof is missing or wrong' },
  'device-proof-expired': { status: 401, zh: '设备时间不对', en: 'Device proof is from another time' },
  'kiosk-session-ended': { status: 401, zh: '操作超时，请重新刷卡', en: 'Household session has ended' },
  forbidden: { status: 403, zh: '没有权限', en: 'Role does not permit this operation' },
  'password-change-required': {
    status: 403,
    zh: '请先修改一次性密码',
    en: 'One-time password must be changed',
  },
  'second-factor-setup-required': {
    status: 403,
    zh: '请先绑定动态验证码',
    en: 'Second factor must be set up',
  },
  'sign-in-locked': { status: 403, zh: '登录已锁定，请稍后再试', en: 'Sign-in is locked' },
  'feature-off': { status: 403, zh: '本村未开启此功能', en: 'Feature is turned off by the village’s policy' },
  'second-person-required': { status: 403, zh: '须由另一人办理', en: 'A different person must decide' },
  'own-household': { status: 403, zh: '不能办理本户或亲属事项', en: 'Own or related household' },
  'client-upgrade-required': { status: 403, zh: '终端版本过低，请升级', en: 'App is too old' },
  'device-suspended': { status: 403, zh: '设备已停用', en: 'Device is suspended' },
  'pairing-denied': { status: 403, zh: '配对申请被拒绝', en: 'Pairing was denied' },
  'card-revoked': { status: 403, zh: '此卡已挂失', en: 'Card has been revoked' },
  'identification-required': {
    status: 403,
    zh: '请核实来人身份',
    en: 'Household must identify itself',
  },
  'pin-required': { status: 403, zh: '请输入密码', en: 'PIN is required' },
  'pin-not-set': { status: 403, zh: '本户还没有设密码', en: 'Household has no PIN' },
  'pin-wrong': {
    status: 403,
    zh: '密码不正确',
    en: 'Wrong PIN',
  },
  'pin-locked': {
    status: 403,
    zh: '密码已锁定',
    en: 'PIN is locked',
  },
  'not-found': { status: 404, zh: '没有找到', en: 'Not found' },
  'card-unknown': { status: 404, zh: '无法识别此卡', en: 'Card not recognised' },
  'method-not-allowed': { status: 405, zh: '不支持的操作方式', en: 'Method not allowed' },
  'not-acceptable': { status: 406, zh: '不支持的输出格式', en: 'Requested format is not available' },
  'wrong-state': {
    status: 409,
    zh: '当前状态下不能办理',
    en: 'Not possible in the current state',
  },
  'already-exists': { status: 409, zh: '已有记录，不能重复办理', en: 'Already exists' },
  'idempotency-in-progress': { status: 409, zh: '上次请求仍在处理中', en: 'First request is still in progress' },
  'year-end-done': { status: 409, zh: '本年度年终处理已批准', en: 'Year-end run has already been approved' },
  'year-end-stale': { status: 409, zh: '规定已变，请重新预览', en: 'Policy has changed since the preview' },
  'household-not-active': { status: 409, zh: '本户已冻结或销户', en: 'Household is frozen or closed' },
  'household-has-balance': {
    status: 409,
    zh: '本户尚有积分或未办结事项',
    en: 'Household still has points or open cases',
  },
  'nothing-owed': { status: 409, zh: '本户没有欠分', en: 'Household owes no points' },
  'member-elsewhere': { status: 409, zh: '此人已登记在其他户', en: 'Member belongs to another household' },
  'review-taken': {
    status: 409,
    zh: '他人正在审核',
    en: 'Someone else is reviewing the claim',
  },
  'publicity-running': {
    status: 409,
    zh: '公示期未满',
    en: 'Public notice period has not ended',
  },
  'nothing-waits': { status: 409, zh: '没有待公示的积分', en: 'No awards are waiting for public notice' },
  'objection-open': { status: 409, zh: '有异议尚未处理', en: 'An objection is open' },
  'rule-book-changed': {
    status: 409,
    zh: '细则草案已有改动',
    en: 'Draft has changed',
  },
  'award-duplicate': { status: 409, zh: '此事项已计分，不能重复', en: 'Already awarded for this occasion' },
  'already-reversed': { status: 409, zh: '此笔不能再冲正', en: 'Already reversed, or itself a reversal' },
  'cause-reused': {
    status: 409,
    zh: '同一事由已按其他内容入账',
    en: 'Cause was already posted with different content',
  },
  'op-gap': { status: 409, zh: '缺少更早的离线记录', en: 'Earlier operations are missing' },
  'price-changed': { status: 409, zh: '价格已变动', en: 'Price has changed' },
  'book-unsound': { status: 409, zh: '账目核对有差异', en: 'Book has discrepancies' },
  'proof-not-ready': {
    status: 409,
    zh: '核验点尚未生成',
    en: 'No checkpoint covers this transaction yet',
  },
  expired: {
    status: 410,
    zh: '已过期',
    en: 'Expired',
  },
  'cursor-expired': { status: 410, zh: '需要重新同步', en: 'Cursor has expired' },
  'request-timeout': {
    status: 408,
    zh: '内容未能按时收完',
    en: 'Request body took too long',
  },
  'version-stale': { status: 412, zh: '内容已被他人修改', en: 'Record has changed meanwhile' },
  'body-too-large': { status: 413, zh: '内容过大', en: 'Body is too large' },
  'media-type-unsupported': { status: 415, zh: '不支持或无法识别的文件', en: 'File is unsupported or unreadable' },
  'idempotency-key-reused': {
    status: 422,
    zh: '幂等键已用于其他请求',
    en: 'Idempotency-Key was used for a different request',
  },
  'password-common': {
    status: 422,
    zh: '密码太容易被猜到',
    en: 'Password is too easy to guess',
  },
  'password-unchanged': { status: 422, zh: '新密码不能与旧密码相同', en: 'New password is the old one' },
  'batch-refused': { status: 422, zh: '整批未办理', en: 'Batch was refused' },
  'insufficient-points': {
    status: 422,
    zh: '积分不足',
    en: 'Not enough points',
  },
  'insufficient-stock': {
    status: 422,
    zh: '库存不足',
    en: 'Not enough stock',
  },
  'number-far': {
    status: 422,
    zh: '户号相差过大，请核对',
    en: 'Number is far from the village’s other numbers',
  },
  'insufficient-balance': { status: 422, zh: '余额不足', en: 'Account balance is too low' },
  'rule-not-in-force': { status: 422, zh: '该细则当前未生效', en: 'Rule is not in force' },
  'rule-wording-refused': { status: 422, zh: '含罚款或停发待遇内容', en: 'Rule contains a fine or benefit cut' },
  'rule-book-unsound': { status: 422, zh: '细则检查未通过', en: 'Rule book has errors' },
  'evidence-missing': { status: 422, zh: '缺少佐证材料', en: 'Evidence is missing' },
  'on-behalf-refused': { status: 422, zh: '本事项须由本户自行申报', en: 'Only the household itself can claim this' },
  'photo-reused': { status: 422, zh: '照片已在别处使用', en: 'Photo has already been used' },
  'quorum-missing': {
    status: 422,
    zh: '评议人数不足',
    en: 'Quorum is not met',
  },
  'sheet-incomplete': { status: 422, zh: '评分表未填完', en: 'Score sheet is incomplete' },
  'split-unequal': { status: 422, zh: '分户数额与余额不符', en: 'Split does not match the balance' },
  'cap-reached': {
    status: 422,
    zh: '已达封顶次数或分值',
    en: 'Cap has been reached',
  },
  'rule-exclusive': { status: 422, zh: '同类事项只计一项', en: 'A mutually exclusive rule already applied' },
  'out-of-bounds': {
    status: 422,
    zh: '数值超出规定范围',
    en: 'Value is out of bounds',
  },
  'business-date-refused': {
    status: 422,
    zh: '业务日期不符合规定',
    en: 'Business date is not allowed',
  },
  'reversal-arrears': {
    status: 422,
    zh: '积分已兑换，不足冲正',
    en: 'Points have already been spent',
  },
  'budget-exhausted': {
    status: 422,
    zh: '年度积分预算已用完',
    en: 'Points budget for the year is used up',
  },
  'goods-not-offered': { status: 422, zh: '该商品暂不兑换', en: 'Goods are not offered' },
  'redemption-limit': {
    status: 422,
    zh: '已达兑换上限',
    en: 'Redemption limit has been reached',
  },
  'proxy-limit': { status: 422, zh: '不能再为这一户代领', en: 'Cannot fetch goods for this household' },
  'exchange-closed': { status: 422, zh: '今天不是兑换日', en: 'Store is closed: not an exchange day' },
  'exchange-full': { status: 422, zh: '今日名额已满', en: 'No places left today' },
  'pickup-code-wrong': {
    status: 422,
    zh: '取货码不正确',
    en: 'Wrong pick-up code',
  },
  'too-early': {
    status: 422,
    zh: '未到办理日期',
    en: 'Too early',
  },
  'too-late': { status: 422, zh: '已过办理期限', en: 'Deadline has passed' },
  'export-too-large': { status: 422, zh: '导出范围过大', en: 'Export range is too large' },
  'version-required': { status: 428, zh: '缺少版本标记', en: 'If-Match is required' },
  'too-many-requests': {
    status: 429,
    zh: '操作太频繁',
    en: 'Too many requests',
  },
  'internal-error': { status: 500, zh: '系统出错，请稍后再试', en: 'Internal error' },
  unavailable: { status: 503, zh: '系统繁忙，请稍后再试', en: 'Temporarily unavailable' },
} as const satisfies Record<string, RefusalText>;

interface RefusalText {
  status: number;
  zh: string;
  en: string;
}

export type RefusalCode = keyof typeof refusals;

/** A sentence in both languages; `http/problems.ts` picks the caller's. */
export interface Sentence {
  zh: string;
  en: string;
}

/** What this caller may know about the refusal: no SQL, no stack, no other household. */
export type Facts = Record<string, unknown>;

/** An expected no. `http/problems.ts` alone turns it into an answer. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly facts: Facts;

  constructor(code: RefusalCode, facts: Facts = {}) {
    super(code);
    this.name = 'Refusal';
    this.code = code;
    this.facts = facts;
  }
}

export function isRefusalCode(code: string): code is RefusalCode {
  return Object.hasOwn(refusals, code);
}

/** What a schema could not say of a body. `pointer` is a JSON Pointer (RFC 6901), `code` a word for programs. */
export function malformed(pointer: string, code: string, detail: Sentence): Refusal {
  return new Refusal('validation-failed', { errors: [{ pointer, code, detail }] });
}

/** The refusal that was thrown. @throws whatever else was */
export function refusalIn(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  throw error;
}
