import type { Facts, RefusalCode } from '../refusals.ts';
import { englishOf, placeOf } from './field-names.ts';

/** What one refusal says. `{name}` stands for the fact of that name; `when` holds facts that it is meant for alone. */
interface Told {
  when?: Facts;
  zh: string;
  en: string;
}

/**
 * What happened and what to do next, written for the facts that come with each code. The first that fits is said: all of
 * its facts are there, and can be said in the caller's language. The last of each needs none.
 */
const details: Record<RefusalCode, readonly [...Told[], Told]> = {
  'validation-failed': [
    {
      zh: '填写的内容无法读取，请核对后重新提交。',
      en: 'The request could not be read. Check its format and send it again.',
    },
  ],
  'cursor-mismatch': [
    {
      zh: '翻页时查询条件不能改变，请从第一页重新查询。',
      en: 'A cursor only works with the filters it was issued for. Start again from the first page.',
    },
  ],
  'cursor-expired': [
    {
      zh: '终端离线太久，请重新同步全部数据。',
      en: 'Take a new snapshot in place of what the kiosk has. Operations that are not uploaded yet are kept.',
    },
  ],
  'idempotency-key-required': [
    { zh: '程序未带幂等键，请联系技术人员。', en: 'Send a unique Idempotency-Key header with each new operation.' },
  ],
  unauthenticated: [
    { zh: '没有登录，或登录凭证无效，请重新登录。', en: 'The access token is missing or invalid. Sign in again.' },
  ],
  'token-expired': [{ zh: '登录时间已到，请重新登录。', en: 'Refresh the access token or sign in again.' }],
  'sign-in-failed': [
    {
      zh: '请核对账号和密码后重试，连续输错会锁定登录。',
      en: 'Check the login and the password. Repeated failures lock sign-in.',
    },
  ],
  'second-factor-required': [
    {
      zh: '请输入手机验证器上的 6 位数字；手机不在身边时，输入一个恢复码。',
      en: 'Enter the 6 digits shown by the authenticator app, or a recovery code.',
    },
  ],
  'second-factor-wrong': [
    {
      zh: '每个验证码只能用一次，请等下一个，并核对手机时间。',
      en: 'Each code works once. Wait for the next one, and check the clock of the phone.',
    },
  ],
  'session-revoked': [
    {
      when: { reason: 'grantEnded' },
      zh: '您的任职已结束，如有疑问请联系管理员。',
      en: 'Your grants have ended. Ask an administrator.',
    },
    {
      when: { reason: 'disabled' },
      zh: '账号已停用，请联系管理员。',
      en: 'The user is disabled. Ask an administrator.',
    },
    {
      when: { reason: 'refreshReused' },
      zh: '登录凭证被重复使用，为安全起见已退出，请重新登录。',
      en: 'A refresh token was used twice, so the session was ended. Sign in again.',
    },
    { zh: '本次登录已结束，请重新登录。', en: 'The session has ended. Sign in again.' },
  ],
  'device-proof-required': [
    {
      when: { reason: 'missing' },
      zh: '这台终端的请求没有带校验，请重启终端程序。',
      en: 'Send a DPoP proof made with the device’s key with each request, and the token as `Authorization: DPoP`.',
    },
    {
      when: { reason: 'url' },
      zh: '终端访问的网址与服务器设置的不同，请联系运维人员。',
      en: 'The proof names another URL. Use the public address of the service, without query.',
    },
    {
      when: { reason: 'key' },
      zh: '这台终端的密钥与配对时不同，请重新配对。',
      en: 'The proof was made with another key than the token is bound to. Pair the device again.',
    },
    {
      when: { reason: 'replayed' },
      zh: '这次校验已经用过，请再试一次。',
      en: 'The proof has been used before. Send a new one with each request.',
    },
    {
      zh: '这台终端的校验不正确，请重启终端程序。',
      en: 'Make a new DPoP proof for this method, URL and access token.',
    },
  ],
  'device-proof-expired': [
    {
      zh: '这台终端的时钟不准，请校准后再试。',
      en: 'Take the time from `serverTime` and send a new proof.',
    },
  ],
  'kiosk-session-ended': [
    { zh: '长时间没有操作，已自动退出。请重新刷卡。', en: 'The session timed out. Present the card again.' },
  ],
  forbidden: [
    {
      when: { reason: 'notAJudge' },
      zh: '您不是本次评议的评议员，不能评分。',
      en: 'Only judges of this round can score.',
    },
    {
      when: { reason: 'operatorOnly' },
      zh: '平台管理员只能由系统运维人员在服务器上设立，请与其联系。',
      en: 'Only the operator creates platform administrators, with the command jifen admin create.',
    },
    { zh: '此事项须由{requiredRoles}办理，请交给有权限的人。', en: 'Required role: {requiredRoles}.' },
    {
      zh: '您的职务不能办理此事项，请联系村管理员。',
      en: 'Ask an administrator for a role that permits this operation.',
    },
  ],
  'password-change-required': [
    {
      zh: '这个密码由他人设置，请改成只有自己知道的密码，再重新登录。',
      en: 'Someone else set this password. Choose your own, then sign in again.',
    },
  ],
  'second-factor-setup-required': [
    {
      zh: '您的岗位须用手机验证器登录，请先绑定。',
      en: 'The role requires an authenticator app. Set it up first.',
    },
  ],
  'sign-in-locked': [
    { zh: '密码输错次数过多，请在 {until} 以后再试。', en: 'Too many failed attempts. Try again after {until}.' },
    {
      zh: '密码输错次数过多，请稍后再试，或联系管理员重置密码。',
      en: 'Too many failed attempts. Try again later or ask an administrator to reset the password.',
    },
  ],
  'feature-off': [
    {
      when: { feature: 'basePoints' },
      zh: '本村的规定没有设基础分。需要发放的，请先修改规定。',
      en: 'The village’s policy grants no base points. Change the policy first.',
    },
    {
      when: { feature: 'yearEnd' },
      zh: '本村的规定没有设年终处理。需要办理的，请先修改规定。',
      en: 'The village’s policy has no year-end rule. Change the policy first.',
    },
    {
      zh: '本村的规定没有开启此功能。需要使用的，请先修改规定。',
      en: 'Turn the feature on in the village’s policy first.',
    },
  ],
  'second-person-required': [
    {
      when: { reason: 'ownProof' },
      zh: '此户的密码或卡由您本人设置或发放，您不能凭它办理兑换，请换一位同事办理。',
      en: 'You set this household’s PIN or issued its card, so you cannot serve it on that proof. Ask a colleague to serve it.',
    },
    {
      zh: '同一件事不能由同一人经手两次，请换一位有权限的人办理。',
      en: 'Whoever handled one step of this cannot handle the next. Ask someone else with the role.',
    },
  ],
  'own-household': [
    {
      zh: '涉及您本户或亲属，须回避。请由其他人办理。',
      en: 'This concerns your own household or declared relatives. Ask someone else.',
    },
  ],
  'client-upgrade-required': [
    {
      zh: '这台终端的程序版本过低，请联系村管理员升级到 {minClientVersion} 以上。',
      en: 'Update the app to {minClientVersion} or later, then send a heartbeat.',
    },
    { zh: '这台终端的程序版本过低，请联系村管理员升级。', en: 'Update the app, then send a heartbeat.' },
  ],
  'device-suspended': [
    { zh: '这台终端已停用，请联系村管理员。', en: 'Ask the village administrator to reinstate this kiosk.' },
  ],
  'pairing-denied': [
    {
      zh: '管理员没有同意这台终端的配对，请核对后重新申请。',
      en: 'An administrator denied this pairing. Start a new one.',
    },
  ],
  'card-revoked': [
    {
      zh: '这张卡已经挂失，不能使用。请到村里补办新卡。',
      en: 'The card cannot be used any more. Ask the village for a new one.',
    },
  ],
  'identification-required': [
    {
      zh: '请刷本户的卡，或输入本户密码、取货码；都没有的，请拍下本户签字的凭条并写明原因。',
      en: 'Present the household’s card, its PIN, the pick-up code, or a slip with a photo and a reason.',
    },
  ],
  'pin-required': [
    {
      zh: '兑换超过 {abovePoints} 分，须输入本户密码。',
      en: 'Redemptions of more than {abovePoints} points need the household’s PIN.',
    },
    { zh: '办理此事项须输入本户密码。', en: 'Enter the household’s PIN.' },
  ],
  'pin-not-set': [
    {
      zh: '本户还没有设密码，请带证件到村文书处设置。小额兑换刷卡就行。',
      en: 'Ask the village clerk to set a PIN. Small redemptions need the card only.',
    },
  ],
  'pin-wrong': [
    {
      zh: '还可以再试 {attemptsLeft} 次，次数用完后密码会锁定。没设过密码的，请找村文书设置。',
      en: '{attemptsLeft} attempts left before the PIN is locked. A household without a PIN asks the village clerk for one.',
    },
    { zh: '请核对本户密码后重新输入。', en: 'Check the PIN and enter it again.' },
  ],
  'pin-locked': [
    {
      zh: '密码输错次数过多，请找村文书当面解锁。',
      en: 'Too many failed attempts. Ask the village clerk to unlock it in person.',
    },
  ],
  'not-found': [
    {
      zh: '没有找到所填的{field}，请核对后重新选择。',
      en: 'No such record for {field}. Check the value and choose again.',
    },
    {
      zh: '所查的内容不存在，或不在您的管辖范围内。请核对后再试。',
      en: 'It does not exist, or you cannot see it. Check the address.',
    },
  ],
  'card-unknown': [
    {
      zh: '这张卡不是本村有效的卡，请换一张或到村里核对。',
      en: 'The card belongs to no household here. Use another card or ask the village.',
    },
  ],
  'method-not-allowed': [
    { zh: '此地址不能这样操作，请联系技术人员。', en: 'This path accepts: {allow}.' },
    { zh: '此地址不能这样操作，请联系技术人员。', en: 'Use one of the methods in the Allow header.' },
  ],
  'not-acceptable': [
    { zh: '不能提供所要的文件格式，请选择其他格式。', en: 'Supported formats: {supported}.' },
    { zh: '不能提供所要的文件格式，请选择其他格式。', en: 'Choose another format.' },
  ],
  'wrong-state': [
    {
      when: { state: 'dead' },
      zh: '该成员已于 {since} 去世，请核对所选的成员。',
      en: 'The member died on {since}. Choose another member.',
    },
    {
      when: { state: 'head' },
      zh: '该成员已经是户主，请另选一人。',
      en: 'The member is already head of the household. Choose another.',
    },
    {
      when: { state: 'used' },
      zh: '这个链接已经用过，不能再用。请重新申请。',
      en: 'It has already been used. Request a new one.',
    },
    {
      when: { state: 'noSecondFactor' },
      zh: '没有可用的动态验证码密钥，请先申请绑定。',
      en: 'There is no second factor. Request a secret first.',
    },
    {
      zh: '从 {since} 起，状态已是“{state}”，不能再办理这一步。请刷新后核对。',
      en: 'It has been {state} since {since}. Reload it to see what can be done.',
    },
    {
      zh: '现在的状态是“{state}”，不能办理这一步。请刷新后核对。',
      en: 'The state is {state}. Reload it to see what can be done.',
    },
    { zh: '现在的状态不能办理这一步，请刷新后核对。', en: 'Its state has changed. Reload it to see what can be done.' },
  ],
  'already-exists': [
    {
      zh: '{field}已有相同的记录，请查看原有记录，或改正后重新提交。',
      en: 'A record with the same {field} exists. Use it, or change the value.',
    },
    { zh: '已有相同的记录，请查看原有记录，不必重复办理。', en: 'A record like this exists. Use it instead.' },
  ],
  'idempotency-in-progress': [
    {
      zh: '上次提交还在办理，请等 {retryAfterSeconds} 秒后再查看。',
      en: 'Repeat the same request in {retryAfterSeconds} seconds.',
    },
    { zh: '上次提交还在办理，请稍后再查看。', en: 'Repeat the same request in a moment.' },
  ],
  'year-end-done': [
    {
      zh: '本年度已经办过年终处理，不能再办。请查看已批准的批次。',
      en: 'It can be done once a year. See the approved run.',
    },
  ],
  'year-end-stale': [
    {
      zh: '预览之后，村里的规定有变动。请重新预览，核对后再公布。',
      en: 'Make a new preview and check it before announcing.',
    },
  ],
  'household-not-active': [
    {
      when: { state: 'frozen', reason: null },
      zh: '本户已于 {since} 冻结。请用密码登录查看理由，或者找村管理员。',
      en: 'The household has been frozen since {since}. Sign in with the PIN to see why, or ask the village admin.',
    },
    {
      when: { state: 'frozen' },
      zh: '本户已于 {since} 冻结，理由是“{reason}”。如有疑问，请找村管理员。',
      en: 'The household has been frozen since {since}, for the reason given. Ask the village admin.',
    },
    {
      zh: '该户的状态是“{state}”，不能办理。请先核对户的情况。',
      en: 'The household is {state}. Check its record first.',
    },
    { zh: '该户已冻结或销户，请先核对户的情况。', en: 'Check the household’s record first.' },
  ],
  'household-has-balance': [
    {
      when: { field: 'arrears' },
      zh: '本户还有欠分。请先还清，或选择由承接户承担、予以免除，再办理。',
      en: 'The household owes points. Choose whether they are carried over or waived.',
    },
    {
      when: { field: 'openCases' },
      zh: '还有未办结的申报或复议。请先办结或撤回，再办理。',
      en: 'Claims or appeals are still open. Decide or withdraw them first.',
    },
    {
      zh: '请先结清积分、公示中的记录和未取的兑换，再办理销户。',
      en: 'Settle its points, notices and open redemptions first.',
    },
  ],
  'nothing-owed': [
    {
      zh: '欠分可能已经还清，请刷新后核对本户积分。',
      en: 'The arrears may have been paid already. Check the household’s points.',
    },
  ],
  'member-elsewhere': [
    { zh: '请先在原来的户办理迁出，再登记到本户。', en: 'Move the member out of the other household first.' },
  ],
  'review-taken': [
    {
      zh: '{until} 前由他人审核，请先处理其他申报。',
      en: 'Another reviewer has it until {until}. Continue with another claim.',
    },
    { zh: '他人已领取此件，请先处理其他申报。', en: 'Another reviewer has it. Continue with another claim.' },
  ],
  'publicity-running': [
    { zh: '公示至 {endsAt} 期满，请到期后再办理。', en: 'The notice period ends at {endsAt}. Try again then.' },
    { zh: '请等公示期满后再办理。', en: 'Try again when the notice period has ended.' },
  ],
  'nothing-waits': [
    { zh: '现在没有要公示的积分，有新的计分后再办理。', en: 'Publish a notice when there are new awards.' },
  ],
  'objection-open': [{ zh: '请先处理完异议，再结束公示。', en: 'Decide on the objection first.' }],
  'rule-book-changed': [
    {
      zh: '他人已改到第 {revision} 稿，请重新打开草案，核对后再提交。',
      en: 'The current revision is {revision}. Reload the draft and apply your changes again.',
    },
    { zh: '他人已改过草案，请重新打开，核对后再提交。', en: 'Reload the draft and apply your changes again.' },
  ],
  'award-duplicate': [
    {
      zh: '同一户、同一事项只能计一次分，请查看已有的记录。',
      en: 'A household earns once per occasion. See the existing award or claim.',
    },
  ],
  'already-reversed': [
    { zh: '已由第 {reversalNumber} 笔冲正，不必再办。', en: 'Transaction {reversalNumber} has reversed it.' },
    { zh: '此笔已经冲正，或本身就是冲正，不必再办。', en: 'Nothing is left to reverse.' },
  ],
  'cause-reused': [
    {
      zh: '同一事由已记入第 {transactionNumber} 笔，内容不同。请核对原来的记录。',
      en: 'Transaction {transactionNumber} has the same cause. Check it before posting again.',
    },
    { zh: '请核对原来的记录后再办理。', en: 'Check the earlier transaction before posting again.' },
  ],
  'op-gap': [
    {
      zh: '请先上传第 {expectedSeq} 号离线记录。已经丢失的，请村管理员登记丢失。',
      en: 'Upload operation {expectedSeq} first. If it is lost, the village reports it as lost.',
    },
    { zh: '请先上传更早的离线记录。', en: 'Upload the earlier operations first.' },
  ],
  'price-changed': [
    {
      zh: '下单时的价格已不适用，请按现在的价格重新选择商品。',
      en: 'Show the household the current price and order again.',
    },
  ],
  'book-unsound': [
    {
      zh: '账目有差异，暂停办理。请立即联系县级管理员核查。',
      en: 'Operations are paused until the discrepancies are settled. Contact the platform administrator.',
    },
  ],
  'proof-not-ready': [
    {
      zh: '这是第 {number} 笔，最近的核验点到第 {treeSize} 笔。请等下一个核验点生成后再查。',
      en: 'This is transaction {number}; the latest checkpoint covers {treeSize}. Try again after the next checkpoint.',
    },
    { zh: '请等下一个核验点生成后再查。', en: 'Try again after the next checkpoint.' },
  ],
  expired: [
    {
      when: { what: 'pairing' },
      zh: '配对码已于 {expiredAt} 过期，请在终端上重新申请。',
      en: 'The pairing expired at {expiredAt}. Start a new one on the kiosk.',
    },
    {
      when: { what: 'redemption' },
      zh: '预留已于 {expiredAt} 过期，商品已放回。请重新兑换。',
      en: 'The reservation expired at {expiredAt}. Order again.',
    },
    {
      when: { what: 'oneTimePassword' },
      zh: '一次性密码已于 {expiredAt} 过期，请联系管理员重新设置。',
      en: 'The one-time password expired at {expiredAt}. Ask an administrator to reset it.',
    },
    { zh: '已于 {expiredAt} 过期，请重新获取。', en: 'It expired at {expiredAt}. Request a new one.' },
    { zh: '请重新获取后再试。', en: 'Request a new one.' },
  ],
  'request-timeout': [
    { zh: '网络太慢或上传中断，请重试。', en: 'The connection was too slow or interrupted. Try again.' },
  ],
  'version-stale': [
    {
      zh: '您打开之后，他人已改过这条记录。请重新打开，核对后再改。',
      en: 'Someone changed the record after you read it. Reload it and apply your changes again.',
    },
  ],
  'body-too-large': [
    {
      zh: '一次提交的内容太多，请压缩照片或分几次提交。',
      en: 'Send less at once: a smaller file, or several requests.',
    },
  ],
  'media-type-unsupported': [
    {
      when: { format: 'heic' },
      zh: '照片是手机的“高效”格式，无法识别。请在相机设置中关闭“高效”格式（苹果手机选“兼容性最佳”），再重新拍摄。',
      en: 'HEIC photos cannot be read. Set the camera to JPEG (on an iPhone, “Most Compatible”) and take it again, or convert it.',
    },
    {
      zh: '请换成支持的文件格式；照片打不开的，请重新拍摄。',
      en: 'Send a supported file type. If a file does not open, save or take it again.',
    },
  ],
  'idempotency-key-reused': [
    { zh: '程序把同一个幂等键用于两次不同的提交，请刷新后重新办理。', en: 'Use a new key for a new operation.' },
  ],
  'password-common': [
    {
      zh: '请不要用常见密码、键盘顺序、重复数字、日期或自己的姓名和账号；用几个互不相干的词最好。',
      en: 'Avoid common passwords, keyboard runs, repetitions, dates, and your own name or login. Several unrelated words are best.',
    },
  ],
  'password-unchanged': [
    { zh: '请另选一个与现在的密码不同的新密码。', en: 'Choose a password that differs from the current one.' },
  ],
  'batch-refused': [
    {
      zh: '有几行不能办理，所以整批没有入账。请改正所列各行后重新提交。',
      en: 'Nothing was posted. Correct the listed items and send the batch again.',
    },
  ],
  'insufficient-points': [
    {
      when: { field: 'arrears' },
      zh: '要还 {required} 分，可用 {available} 分。请减少要还的分数，或等有积分时再还。',
      en: '{required} points are to be paid, {available} are available. Pay fewer, or wait for more points.',
    },
    {
      zh: '需要 {required} 分，可用 {available} 分。请减少数量，或等积分够了再兑换。',
      en: '{required} points are required, {available} are available. Choose fewer or cheaper goods.',
    },
    { zh: '可用的积分不够，请减少数量后再试。', en: 'Choose fewer or cheaper goods.' },
  ],
  'insufficient-stock': [
    {
      zh: '需要 {required} 件，现有 {available} 件。请减少数量，或等补货后再办理。',
      en: '{required} pieces are required, {available} are in stock. Choose fewer, or wait for the next delivery.',
    },
    { zh: '现有的商品不够，请减少数量，或等补货后再办理。', en: 'Choose fewer, or wait for the next delivery.' },
  ],
  'number-far': [
    {
      zh: '下一个户号是 {next}。如确为 {number}，请核对后确认。',
      en: 'The next number is {next}. If {number} is right, confirm it.',
    },
    { zh: '请核对户号，确实无误的再确认。', en: 'Check the number, and confirm it if it is right.' },
  ],
  'insufficient-balance': [
    { zh: '账户余额不够支付这一笔，请核对数额后再办理。', en: 'Check the amount and the account’s balance.' },
  ],
  'rule-not-in-force': [
    {
      zh: '该条细则的有效期为 {fromOn} 起，{toOn} 前。请核对日期，或选择当天有效的细则。',
      en: 'The rule is in force from {fromOn} until {toOn}. Check the date or choose another rule.',
    },
    {
      zh: '该条细则从 {fromOn} 起生效。请核对日期，或选择当天有效的细则。',
      en: 'The rule is in force from {fromOn}. Check the date or choose another rule.',
    },
    { zh: '该条细则在这一天没有生效，请选择当天有效的细则。', en: 'Choose a rule that is in force on that day.' },
  ],
  'rule-wording-refused': [
    {
      zh: '细则不能罚款，也不能停发待遇。请改写含有“{terms}”的内容。',
      en: 'Points rules must not fine people or withhold benefits. Reword the listed terms.',
    },
    {
      zh: '细则不能罚款，也不能停发待遇，请改写后再提交。',
      en: 'Points rules must not fine people or withhold benefits. Reword them.',
    },
  ],
  'rule-book-unsound': [
    { zh: '请按所列的检查结果修改细则，再提交。', en: 'Correct the listed findings and try again.' },
  ],
  'evidence-missing': [
    {
      when: { reason: 'claimRequired' },
      zh: '该条细则不能直接加分，请附佐证材料提交申报，经审核后计分。',
      en: 'Points under this rule are not awarded directly. File a claim with the evidence that the rule requires.',
    },
    { zh: '此事项须有佐证材料，请按细则要求补齐后再提交。', en: 'Add the evidence that the rule requires.' },
  ],
  'on-behalf-refused': [{ zh: '请本户用自己的卡在终端上申报。', en: 'Ask the household to file it at the kiosk.' }],
  'photo-reused': [
    { zh: '这张照片已作为其他事项的佐证，请重新拍摄。', en: 'Each photo proves one thing. Take a new one.' },
  ],
  'quorum-missing': [
    {
      zh: '需要 {required} 人，现有 {present} 人。请补齐人数后再评议。',
      en: '{required} votes are required, {present} were cast. Bring more members together.',
    },
    { zh: '请补齐评议人数后再办理。', en: 'Bring more members together and vote again.' },
  ],
  'sheet-incomplete': [
    { zh: '还有评议员没有评完，请催办所列人员后再结束。', en: 'Ask the listed judges to finish their scores first.' },
  ],
  'split-unequal': [
    {
      when: { field: 'arrearsPoints' },
      zh: '欠分只有 {available} 分，请重新填写分给新户的欠分。',
      en: 'The household owes {available} points. Give the new household at most that.',
    },
    {
      zh: '请核对{field}：新户和原户都要有成员，户主须在本户成员中。',
      en: 'Check the {field}: both households need members, and each head must be one of them.',
    },
    {
      zh: '可分的积分为 {available} 分，荣誉分为 {honour} 分，两户合计须与此相等。请重新填写。',
      en: '{available} points and {honour} honour points are to be split. The shares must add up to that.',
    },
    { zh: '分户的数额须与余额相等，请核对后重新填写。', en: 'The shares must add up to the balance.' },
  ],
  'cap-reached': [
    {
      when: { cap: 'openObjections' },
      zh: '本户已有 {used} 件异议待裁定，最多 {limit} 件。请等裁定后再提，或先撤回一件。',
      en: 'The household has {used} open objections, of at most {limit}. Withdraw one or wait for a ruling.',
    },
    {
      zh: '上限 {limit}，已用 {used}，从 {resetsOn} 起重新计算。请核对是否重复计分。',
      en: 'The cap is {limit}, {used} used. It resets on {resetsOn}.',
    },
    {
      zh: '上限 {limit}，已用 {used}。请核对是否重复计分。',
      en: 'The cap is {limit}, {used} used. Check whether this was counted before.',
    },
    { zh: '本期已达上限，请核对是否重复计分。', en: 'Check whether this was counted before.' },
  ],
  'rule-exclusive': [
    {
      zh: '同一件事已按另一条细则计分。如应改按本条计分，请先冲正已有的那一笔。',
      en: 'The same occasion was awarded under another rule. To award this one instead, reverse that award first.',
    },
  ],
  'out-of-bounds': [
    {
      when: { field: 'pin' },
      zh: '密码太容易被猜到，请不要用生日等日期、相同或连续的数字，也不要用户号。',
      en: 'The PIN is too easy to guess. Avoid dates and repeated or consecutive digits.',
    },
    {
      when: { field: 'returns' },
      zh: '同一件申报只能退回补充一次，请直接通过或驳回。',
      en: 'A claim can be returned once. Approve or reject it.',
    },
    {
      when: { field: 'prefix' },
      zh: '“管辖范围”的代码位数与职务不符，请按职务的级别选择行政区划。',
      en: 'The length of the prefix does not fit the role. Choose a division of the role’s level.',
    },
    {
      when: { field: 'yearEndCapPoints' },
      zh: '选择年终封顶结转的，须填“年终结转上限”；没有选择的，不要填写。',
      en: 'Set the year-end cap if, and only if, points are capped at year end.',
    },
    {
      when: { field: 'issuingBudgetFen' },
      zh: '“资金来源”和“发放预算”须同时填写，或都不填。',
      en: 'Set the issuing fund and its budget together, or neither.',
    },
    {
      when: { field: 'exchangeDays' },
      zh: '每个“兑换日”须填每周或每月的一天，且只能填一项。',
      en: 'Each exchange day needs either a weekday or a day of the month.',
    },
    {
      when: { field: 'code' },
      zh: '“代码”须以上级行政区划的代码 {only} 开头，请核对。',
      en: 'The code must start with {only}, the code of its parent.',
    },
    {
      when: { field: 'minStock' },
      zh: '服务没有库存，“最低库存”须填 0。',
      en: 'A service has no stock: its minimum must be 0.',
    },
    {
      when: { field: 'items' },
      zh: '各项目的最高分合计不能超过 {max} 分，请调整。',
      en: 'The maximum scores must add up to at most {max}.',
    },
    {
      when: { field: 'awards' },
      zh: '所选日期内的计分记录超过 {max} 条，请缩短日期范围。',
      en: 'More than {max} awards in this period. Choose a shorter one.',
    },
    {
      when: { field: 'pixels' },
      zh: '照片太大，请降低拍摄的清晰度后重新上传。',
      en: 'The photo has too many pixels. Send at most {max}.',
    },
    { when: { field: 'photoIds' }, zh: '最多上传 {max} 张照片，请删去多余的。', en: 'Send at most {max} photos.' },
    {
      when: { field: 'evidence' },
      zh: '最多填写 {max} 项佐证材料，请删去多余的。',
      en: 'Send at most {max} pieces of evidence.',
    },
    { zh: '{field}须为 {only}，请改正。', en: 'The {field} must be {only}.' },
    { zh: '{field}须在 {min} 至 {max} 之间，请改正。', en: 'The {field} must be between {min} and {max}.' },
    { zh: '{field}不能小于 {min}，请改正。', en: 'The {field} must be at least {min}.' },
    { zh: '{field}不能大于 {max}，请改正。', en: 'The {field} must be at most {max}.' },
    { zh: '{field}超出规定范围，请核对。', en: 'The {field} is out of bounds. Check the value.' },
    { zh: '请核对填写的数值。', en: 'Check the value.' },
  ],
  'business-date-refused': [
    {
      zh: '填写的时间晚于系统时间 {serverTime}。请核对本机的日期和时间，或改填发生时间。',
      en: 'The time is in the future: the server’s clock says {serverTime}. Check the clock of your device.',
    },
    { zh: '只能填 {only}，请改正日期。', en: 'Only {only} is allowed.' },
    { zh: '可填日期为 {earliest} 至 {latest}，请改正日期。', en: 'Dates from {earliest} to {latest} are allowed.' },
    { zh: '可填日期从 {earliest} 开始，请改正日期。', en: 'Dates from {earliest} on are allowed.' },
    { zh: '日期不能晚于 {latest}，请改正日期。', en: 'Dates until {latest} are allowed.' },
    { zh: '请核对日期，或改用其他日期。', en: 'Check the date, or use another.' },
  ],
  'reversal-arrears': [
    {
      zh: '需冲正 {required} 分，可用 {available} 分。请与本户商量补足，或办理欠分。',
      en: '{required} points must be taken back, {available} are available. Record the rest as arrears.',
    },
    { zh: '可用的积分不够冲正，请与本户商量补足，或办理欠分。', en: 'Record the missing points as arrears.' },
  ],
  'budget-exhausted': [
    {
      zh: '年度预算 {limit} 分，已发放 {used} 分。请先追加预算，或等下一年度。',
      en: '{used} of {limit} points have been awarded this year. Raise the budget or wait for next year.',
    },
    { zh: '请先追加预算，或等下一年度。', en: 'Raise the budget or wait for next year.' },
  ],
  'goods-not-offered': [
    {
      when: { reason: 'noPrice' },
      zh: '该商品还没有定价，请选择其他商品。',
      en: 'The goods have no price yet. Choose others.',
    },
    {
      when: { reason: 'archived' },
      zh: '该商品已下架，请选择其他商品。',
      en: 'The goods are archived. Choose others.',
    },
    { zh: '请选择其他商品。', en: 'Choose other goods.' },
  ],
  'redemption-limit': [
    {
      when: { per: 'day' },
      zh: '该商品每户每天限兑 {limit} 件，今天已兑 {used} 件。请减少数量，或改天再兑。',
      en: 'A household may have {limit} pieces of these goods a day; it has had {used}. Choose fewer, or come back another day.',
    },
    {
      when: { per: 'month' },
      zh: '该商品每户每月限兑 {limit} 件，本月已兑 {used} 件。请减少数量，或自 {resetsOn} 起再兑。',
      en: 'A household may have {limit} pieces of these goods a month; it has had {used}. Choose fewer, or come back from {resetsOn}.',
    },
    {
      when: { per: 'year' },
      zh: '该商品每户每年限兑 {limit} 件，今年已兑 {used} 件。请减少数量，或自 {resetsOn} 起再兑。',
      en: 'A household may have {limit} pieces of these goods a year; it has had {used}. Choose fewer, or come back from {resetsOn}.',
    },
    {
      zh: '每天 {limit} 次，已用 {used} 次，请改天再来。',
      en: 'The limit is {limit} a day, {used} used. Come back another day.',
    },
    { zh: '请改天再来兑换。', en: 'Come back another day.' },
  ],
  'proxy-limit': [
    {
      when: { limit: 0 },
      zh: '本村不办理代领，请户里的人来领。',
      en: 'The village accepts no proxies. Somebody of the household must come.',
    },
    {
      zh: '同一人每天最多为 {limit} 户代领，今天已代领 {used} 户，请换一个人来领。',
      en: 'One person may fetch for {limit} households a day; {used} are used. Send somebody else.',
    },
    { zh: '请换一个人来领。', en: 'Send somebody else.' },
  ],
  'exchange-closed': [
    { zh: '下次开放时间是 {nextExchangeAt}，请到时再来。', en: 'The store opens next at {nextExchangeAt}.' },
    { zh: '请查看兑换日的安排，到时再来。', en: 'See the exchange days in the village’s policy.' },
  ],
  'exchange-full': [
    {
      zh: '今天的名额已用完，下次开放时间是 {nextExchangeAt}。',
      en: 'All visits of today are taken. The store opens next at {nextExchangeAt}.',
    },
    { zh: '今天的名额已用完，请下个兑换日再来。', en: 'All visits of today are taken. Come on the next exchange day.' },
  ],
  'pickup-code-wrong': [
    {
      zh: '还可以再试 {attemptsLeft} 次；次数用完后，请用卡、密码或凭条取货。',
      en: '{attemptsLeft} attempts left. After that, collect with the card, the PIN or a slip.',
    },
    {
      zh: '请核对取货码，或用卡、密码、凭条取货。',
      en: 'Check the code, or collect with the card, the PIN or a slip.',
    },
  ],
  'too-early': [
    { zh: '{dueOn} 起可以办理，请到时再来。', en: 'Possible from {dueOn}.' },
    { zh: '请到规定的日期再办理。', en: 'Wait for the due date.' },
  ],
  'too-late': [
    {
      when: { what: 'inheritance' },
      zh: '继承期限已于 {endedOn} 届满，不能再办理继承，请选择积分作废。',
      en: 'The points could be inherited until {endedOn}. Let them lapse instead.',
    },
    {
      when: { what: 'return' },
      zh: '退货期限已于 {endedAt} 届满，不能再退货。',
      en: 'The goods could be returned until {endedAt}.',
    },
    { zh: '期限已于 {endsAt} 届满，不能再办理。', en: 'The deadline was {endsAt}.' },
    {
      zh: '规定的期限已过，不能再办理。如有疑问，请联系村管理员。',
      en: 'This can no longer be done. Ask the village administrator.',
    },
  ],
  'export-too-large': [
    {
      zh: '所选范围有 {rows} 行，一次最多导出 {maxRows} 行。请缩短日期范围。',
      en: 'The range has {rows} rows; at most {maxRows} can be exported. Choose a shorter range.',
    },
    { zh: '请缩短日期范围后再导出。', en: 'Choose a shorter range.' },
  ],
  'version-required': [
    {
      zh: '程序未带版本标记，请重新打开记录后再改，仍不行请联系技术人员。',
      en: 'Read the record first and send its ETag in the If-Match header.',
    },
  ],
  'too-many-requests': [
    {
      when: { policy: 'photosPerDay' },
      zh: '每天最多上传 {limit} 张照片，请明天再传。',
      en: 'At most {limit} photos a day. Upload the rest tomorrow.',
    },
    {
      when: { policy: 'counterPins' },
      zh: '您一天之内输错的密码已达 {limit} 次，24 小时内不能再代输密码。请改用刷卡、取货码或凭条办理。',
      en: 'You have entered {limit} wrong PINs within 24 hours and can enter no more for now. Use cards, pick-up codes or slips instead.',
    },
    { zh: '请在 {retryAfterSeconds} 秒后再试。', en: 'Try again in {retryAfterSeconds} seconds.' },
    { zh: '请稍等片刻再试。', en: 'Try again in a moment.' },
  ],
  'internal-error': [
    {
      zh: '问题已记录。请稍后再试，仍不行的请把请求编号告诉技术人员。',
      en: 'The error was logged. If it persists, report the request ID.',
    },
  ],
  unavailable: [
    {
      zh: '请在 {retryAfterSeconds} 秒后再试，不会重复入账。',
      en: 'Try again in {retryAfterSeconds} seconds. Nothing is posted twice under one key.',
    },
    { zh: '请稍等片刻再试，不会重复入账。', en: 'Try again in a moment. Nothing is posted twice under one key.' },
  ],
};

/** What a refusal says to people. */
export function detailOf(code: RefusalCode, language: 'zh' | 'en', facts: Facts): string {
  const known = bounded(facts);
  const field =
    typeof facts.field === 'string' ? facts.field.split('/').findLast(part => !/^\d+$/.test(part)) : undefined;
  for (const told of details[code]) {
    const meant = Object.entries(told.when ?? {}).every(
      ([name, value]) => (name === 'field' ? field : facts[name]) === value,
    );
    const text = meant ? filled(told[language], language, known) : undefined;
    if (text !== undefined) return sentence(text);
  }
  throw new Error(`nothing can be said of ${code}`);
}

/** The names of the facts in the first general detail of a code that has examples for all of them. */
export function factsTold(code: RefusalCode): string[] {
  const namesIn = ({ zh }: Told) => [...zh.matchAll(/\{(\w+)\}/g)].map(match => match[1]!);
  const told = details[code].find(one => one.when === undefined && namesIn(one).every(name => name in exampleFacts));
  return told === undefined ? [] : namesIn(told);
}

/** Bounds that are one value are `only` that, and those that nobody comes near are left out. */
function bounded(facts: Facts): Facts {
  const low = 'min' in facts ? 'min' : 'earliest';
  const high = 'max' in facts ? 'max' : 'latest';
  if (facts[low] != null && facts[low] === facts[high])
    return { ...facts, [low]: null, [high]: null, only: facts[low] };
  if (facts[high] === Number.MAX_SAFE_INTEGER || facts[high] === '2999-12-31') return { ...facts, [high]: null };
  return facts;
}

/** The text with its facts; undefined where one of them is missing, or there is no word for it. */
function filled(text: string, language: 'zh' | 'en', facts: Facts): string | undefined {
  let isWhole = true;
  const whole = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const words = name === 'field' ? fieldOf(facts.field, language) : wordOf(facts[name], language);
    isWhole &&= words !== undefined;
    return words ?? '';
  });
  return isWhole ? whole : undefined;
}

/** A capital to begin with, and no space between a date and what it belongs to. */
function sentence(text: string): string {
  return (text.charAt(0).toUpperCase() + text.slice(1)).replace(/ (?=\d{4}年)|(?<=月\d+日) (?=\p{Script=Han})/gu, '');
}

function fieldOf(field: unknown, language: 'zh' | 'en'): string | undefined {
  if (typeof field !== 'string') return undefined;
  return placeOf(`/${field}`)[language];
}

function wordOf(value: unknown, language: 'zh' | 'en'): string | undefined {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) {
    const words = value.map(one => wordOf(one, language));
    return words.length > 0 && !words.includes(undefined) ? words.join(language === 'zh' ? '、' : ', ') : undefined;
  }
  if (typeof value !== 'string' || value === '') return undefined;
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return dayIn(Temporal.PlainDate.from(value), language);
  if (/^\d{4}-\d\d-\d\d[T ]/.test(value)) return momentIn(Temporal.Instant.from(value), language);
  if (language === 'zh') {
    if (Object.hasOwn(words, value)) return words[value];
    // Numbers of households are printed with their letter: H0041.
    return /[a-z]/i.test(value) && !/^[A-Z]?[0-9]{1,8}$/.test(value) ? undefined : value;
  }
  return /^[a-z]+[A-Z]/.test(value) ? englishOf(value) : value;
}

function dayIn(day: Temporal.PlainDate, language: 'zh' | 'en'): string {
  if (language === 'zh') return `${day.year}年${day.month}月${day.day}日`;
  return day.toLocaleString('en-GB', { dateStyle: 'long' });
}

/** By the clock on the wall: all of China has the time of Shanghai. */
function momentIn(instant: Temporal.Instant, language: 'zh' | 'en'): string {
  const local = instant.toZonedDateTimeISO('Asia/Shanghai');
  const time = local.toPlainTime().toString({ smallestUnit: 'minute' });
  return language === 'zh'
    ? `${dayIn(local.toPlainDate(), language)} ${time}`
    : `${time} on ${dayIn(local.toPlainDate(), language)} (Asia/Shanghai)`;
}

/** States and roles, as forms call them. */
const words: Record<string, string> = {
  platformAdmin: '平台管理员',
  supervisor: '上级审批员',
  villageAdmin: '村管理员',
  clerk: '村文书',
  reviewer: '审核员',
  supervisionBoard: '村务监督委员会',
  storekeeper: '兑换点保管员',
  kiosk: '自助终端',
  household: '本户',
  teamLeader: '组长',
  merchant: '商户',
  auditor: '审计员',
  active: '正常',
  adopted: '已通过',
  announced: '已公布',
  approved: '已批准',
  archived: '已下架',
  awaitingSecond: '待二次审批',
  cancelled: '已取消',
  checking: '检查中',
  closed: '已结束',
  committing: '导入中',
  confirmed: '已确认',
  dead: '已去世',
  denied: '已拒绝',
  disabled: '已停用',
  discarded: '已作废',
  dismissed: '不成立',
  done: '已完成',
  draft: '草案',
  ended: '已结束',
  expired: '已过期',
  failed: '失败',
  frozen: '已冻结',
  fulfilled: '已交付',
  inForce: '已生效',
  inPanel: '评议中',
  lapsed: '已作废',
  merged: '已并户',
  onNotice: '公示中',
  open: '进行中',
  paused: '暂停',
  pending: '待处理',
  planned: '筹备中',
  posted: '已入账',
  posting: '入账中',
  previewed: '已预览',
  proposed: '待审批',
  received: '已收到',
  rejected: '已驳回',
  reported: '已检查',
  reserved: '已预留',
  retired: '已停用',
  returned: '已退回',
  reversed: '已冲正',
  revoked: '已挂失',
  running: '办理中',
  struck: '已撤下',
  submitted: '待初审',
  suspended: '已停用',
  upheld: '成立',
  withdrawn: '已撤回',
};

/** Facts that bring out what a code says, for the examples of the contract. */
export const exampleFacts: Facts = {
  abovePoints: 50,
  attemptsLeft: 4,
  available: 12,
  endsAt: '2026-11-23T02:10:00.000Z',
  dueOn: '2026-11-23',
  earliest: '2026-09-24',
  errors: [
    {
      pointer: '/quantity',
      code: 'maximum',
      detail: { zh: '“数量”不能大于 10。', en: 'The quantity must not exceed 10.' },
    },
  ],
  expiredAt: '2026-11-23T02:10:00.000Z',
  field: 'quantity',
  latest: '2026-11-23',
  limit: 2,
  max: 10,
  min: 1,
  next: 118,
  number: 1180,
  present: 3,
  required: 30,
  retryAfterSeconds: 30,
  revision: 2,
  state: 'posted',
  treeSize: 1024,
  until: '2026-11-23T02:10:00.000Z',
  used: 2,
};
