/**
 * Everything that can be wrong with a roster. In a sentence, `{row}` and `{number}` stand for the fact of that name; no
 * sentence repeats what a cell says.
 */
const mistakes = {
  'file-empty': { zh: '文件中没有数据行。', en: 'The file has no rows.' },
  'file-unreadable': {
    zh: '文件无法读取，可能已损坏或加密。',
    en: 'The file cannot be read; it may be damaged or encrypted.',
  },
  'file-too-large': { zh: '文件展开后过大。', en: 'The file is too large once unpacked.' },
  'file-is-xls': {
    zh: '这是旧版 Excel（.xls）或 WPS（.et）文件，请另存为 .xlsx 后再上传。',
    en: 'This is an old Excel (.xls) or WPS (.et) file. Save it as .xlsx and try again.',
  },
  'file-is-encrypted': {
    zh: '文件已加密，请去掉密码另存后再上传。',
    en: 'The file is protected by a password. Save it without one and try again.',
  },
  'file-is-html': {
    zh: '这是网页（HTML）或 XML 文件，请用 Excel 打开并另存为 .xlsx。',
    en: 'This is an HTML or XML file. Open it in a spreadsheet and save it as .xlsx.',
  },
  'file-is-csv': {
    zh: '这是 CSV 文本文件，请把扩展名改为 .csv 后上传。',
    en: 'This is a CSV file. Rename it to .csv and try again.',
  },
  'file-is-xlsx': {
    zh: '这是 Excel 工作簿，请把扩展名改为 .xlsx 后上传。',
    en: 'This is an Excel workbook. Rename it to .xlsx and try again.',
  },
  'sheets-left': {
    zh: '另有 {number} 张工作表也像花名册，未读取，请分别导入。',
    en: '{number} more sheets look like a roster and were not read. Import each by itself.',
  },
  'file-too-slow': {
    zh: '读取文件用时过长，已停止。请另存为新文件后再试。',
    en: 'Reading the file took too long and was stopped. Save it as a new file and try again.',
  },
  'broken-off-twice': {
    zh: '导入两次中断，已停止。请检查文件后重新上传。',
    en: 'The import was interrupted twice and has stopped. Check the file and upload it again.',
  },
  'encoding-unknown': { zh: '文字编码既不是 UTF-8 也不是 GB18030。', en: 'The text is neither UTF-8 nor GB18030.' },
  'too-many-rows': {
    zh: '数据行超过 {number} 行，请分开导入。',
    en: 'The file has more than {number} rows. Split it.',
  },
  'column-missing': { zh: '缺少这一列。', en: 'This column is missing.' },
  'column-twice': { zh: '这一列出现了两次。', en: 'This column appears twice.' },
  'row-left': {
    zh: '本行是合计、备注或落款，未导入。',
    en: 'The row is a total, a note or a signature and is not imported.',
  },
  'quote-open': {
    zh: '引号没有配对，本行把后面的行也包了进去。',
    en: 'A quotation mark is not closed, so that the row takes in those below it.',
  },
  'formula-unkept': {
    zh: '公式没有保存计算结果，请用 Excel 打开、保存后再上传。',
    en: 'The formula has no saved result. Open and save the file in a spreadsheet.',
  },
  'cell-error': {
    zh: '单元格是错误值，如 #N/A。',
    en: 'The cell holds an error such as #N/A.',
  },
  'row-too-long': { zh: '本行的格数比表头多。', en: 'The row has more cells than the header has columns.' },
  'control-character': {
    zh: '含有换行或不可见字符。',
    en: 'The cell contains a line break or an invisible character.',
  },
  'number-missing': { zh: '没有户号。', en: 'The household number is missing.' },
  'number-bad': {
    zh: '户号应为 1 至 8 位数字，前面可有一个字母。',
    en: 'A household number has 1 to 8 digits, optionally after one letter.',
  },
  'number-twice': { zh: '户号与第 {row} 行重复。', en: 'Row {row} has the same household number.' },
  'number-per-group': {
    zh: '户号在各组内编排，与第 {row} 行重复。请改为全村唯一的户号，如组号加户号。',
    en: 'Row {row} of another group has the same number. Numbers must be unique in the village.',
  },
  'number-unlettered': {
    zh: '已有只差一个字母的户号，户主不同。请核对户号，确实是另一户的单独登记。',
    en: 'Another head has this number with or without a letter. Check it; enrol the household by itself if it is right.',
  },
  'number-far': {
    zh: '户号与其他户号相差太远。请核对，确实无误的单独登记。',
    en: 'The number is far from all others. Check it, and enrol the household by itself if it is right.',
  },
  'number-taken': {
    zh: '此户号已登记在另一户主名下。',
    en: 'The household number is registered under a different head.',
  },
  'head-missing': { zh: '没有户主姓名。', en: 'The name of the head of household is missing.' },
  'name-bad': {
    zh: '姓名应为 1 至 60 个字，且不能是公式、错误值、数字或“合计”“无”“户主”等字样。',
    en: 'A name has 1 to 60 characters and is not a formula, an error, a number, a total or a heading.',
  },
  'grid-unknown': { zh: '本村没有这个网格（组）。', en: 'The village has no such group or patrol grid.' },
  'phone-bad': { zh: '电话应为 5 至 20 位数字。', en: 'A phone number has 5 to 20 digits.' },
  'id-bad': {
    zh: '身份证后四位应为四位数字，末位可为 X；开头的 0 不能省略。',
    en: 'The last four characters of an ID number are digits, with leading zeros; the last may be X.',
  },
  'id-number-bad': {
    zh: '身份证号应为完整的 18 位（或 15 位），并存为文本：Excel 的数字只保留 15 位。',
    en: 'An ID number has 18 (or 15) characters, stored as text: a number in Excel keeps 15 digits.',
  },
  'members-bad': {
    zh: '人数应为整数，且不少于已列出的人。',
    en: 'The number of people must be a whole number and at least the number listed.',
  },
  'too-many-members': { zh: '一户不能超过 {number} 人。', en: 'A household can have at most {number} people.' },
  'head-differs': {
    zh: '户主姓名与本户户主不一致。',
    en: 'The household has a different head.',
  },
  'member-astray': { zh: '家庭成员上方没有对应的户主行。', en: 'There is no household above this member.' },
  'person-twice': { zh: '此人与第 {row} 行是同一人。', en: 'The same person is listed in row {row}.' },
  'person-elsewhere': {
    zh: '此人已登记在 {number} 户。',
    en: 'The person is already registered in household {number}.',
  },
  'member-new': {
    zh: '本户已登记，但没有登记此人。',
    en: 'The household is registered without this person.',
  },
  'phone-differs': { zh: '电话与登记的不同。', en: 'The phone number differs from the registered one.' },
  'id-differs': {
    zh: '登记中没有此人的身份证后四位。',
    en: 'The end of the ID number is not registered.',
  },
  'grid-differs': { zh: '网格（组）与登记的不同。', en: 'The group differs from the registered one.' },
  'address-differs': { zh: '住址与登记的不同。', en: 'The address differs from the registered one.' },
  'members-differ': {
    zh: '人数与登记的 {number} 人不同。',
    en: 'The number of people differs from the {number} registered.',
  },
  'changed-since': {
    zh: '检查之后登记已有改动，未采用。请重新上传核对。',
    en: 'The register has changed since the check, so this was not taken over. Upload the file again.',
  },
  'own-household': {
    zh: '这是您本户或亲属户，未采用，请由他人办理。',
    en: 'This is your own household or a relative’s, so it was not taken over.',
  },
  'household-closed': { zh: '此户已销户，未采用。', en: 'The household is closed, so this was not taken over.' },
  'goods-name-bad': { zh: '品名应为 1 至 60 个字（含规格）。', en: 'A name, with the size, has 1 to 60 characters.' },
  'unit-bad': { zh: '单位应为 1 至 10 个字。', en: 'A unit has 1 to 10 characters.' },
  'category-bad': { zh: '类别不能超过 30 个字。', en: 'A category has at most 30 characters.' },
  'sku-bad': {
    zh: '货号只能是 1 至 20 位字母、数字或 . _ -。',
    en: 'An SKU has 1 to 20 letters, digits or . _ -.',
  },
  'barcode-bad': {
    zh: '条码应为 8、12、13 或 14 位数字且校验位正确，并存为文本。',
    en: 'A barcode has 8, 12, 13 or 14 digits with its check digit, stored as text.',
  },
  'goods-twice': { zh: '与第 {row} 行是同一商品。', en: 'Row {row} has the same goods.' },
  'sku-taken': { zh: '此货号已登记为另一商品。', en: 'The SKU is registered for other goods.' },
  'barcode-taken': { zh: '此条码已登记为另一商品。', en: 'The barcode is registered for other goods.' },
  'points-bad': { zh: '兑换积分应为 1 至 100000 的整数。', en: 'Points are a whole number from 1 to 100000.' },
  'min-stock-bad': { zh: '最低库存应为整数。', en: 'The minimum stock is a whole number.' },
  'cost-bad': {
    zh: '单价应为金额（元），最多两位小数。',
    en: 'A cost is an amount in yuan with at most two decimals.',
  },
  'address-bad': {
    zh: '住址应为一行文字，不超过 120 个字，且不能是公式。',
    en: 'An address is one line of at most 120 characters and no formula.',
  },
} as const;

export type MistakeCode = keyof typeof mistakes;

export interface Mistake {
  /** As the spreadsheet counts: row 1 holds the names of the columns. */
  row: number;
  /** The name of the column; empty where it is the whole row, or the file. */
  column: string;
  code: MistakeCode;
  facts: Record<string, string | number>;
}

/** What can be taken over from a roster: whoever is only counted has no name to be entered. */
export const takeable: ReadonlySet<MistakeCode> = new Set<MistakeCode>([
  'member-new',
  'phone-differs',
  'id-differs',
  'grid-differs',
  'address-differs',
]);

/** What a difference is called when it is to be taken over: its row and what differs there. */
export function differenceKey({ row, code }: Pick<Mistake, 'row' | 'code'>): string {
  return `${row}/${code}`;
}

export function rowOfKey(key: string): number {
  return Number.parseInt(key, 10);
}

/** A mistake in words. */
export function wordsOf({ code, facts }: Pick<Mistake, 'code' | 'facts'>): { zh: string; en: string } {
  const filled = (text: string) => text.replace(/\{(\w+)\}/g, (_, name) => String(facts[name] ?? '?'));
  return { zh: filled(mistakes[code].zh), en: filled(mistakes[code].en) };
}
