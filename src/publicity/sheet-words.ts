import { zone } from '../calendar.ts';
import type { PublicLine, Sheet } from './lines.ts';

/** What stands at the end of a line; nothing where it simply waits. */
const stateWords: Record<PublicLine['state'], string> = {
  onNotice: '',
  paused: '有异议',
  posted: '已入账',
  cancelled: '已撤销',
};

export const columnTitles = ['序号', '户号', '户主', '组别', '事项', '数量', '积分', '备注'] as const;

/** The cells of a line, by the columns. */
export function cellsOf(line: PublicLine): string[] {
  return [
    String(line.place),
    line.householdNumber,
    line.headName,
    line.groupName ?? '',
    line.ruleTitle,
    `${line.quantity} ${line.unit}`,
    line.points.toLocaleString('en-US'),
    stateWords[line.state],
  ];
}

/** What stands above the table and below it. */
export function wordsOf({ villageName, notice, totals }: Sheet) {
  const first = Temporal.PlainDate.from(notice.startsOn);
  const last = first.add({ days: notice.days - 1 });
  const counted = notice.lineCount - totals.cancelled;
  return {
    title: `${villageName}积分公示`,
    number: `公示编号：${notice.number}`,
    period: `公示期：${dateWords(first)}至${dateWords(last)}（${notice.days} 个整天）`,
    total: `合计：${counted.toLocaleString('en-US')} 项，${totals.points.toLocaleString('en-US')} 分`,
    objection: `对本公示有异议的，请在${untilWords(notice.endsAt)}前，向村务监督小组或村积分管理员当面、电话提出，也可以在积分终端上提出。提出异议的人不公开。有异议的一项暂停入账，其他各项不受影响。`,
    ending: '公示期满无异议的，积分即可兑换；备注为“已入账”的，积分已经可以兑换。',
    signatures: ['监督小组签字：', '村（社区）盖章：', '日期：'],
  };
}

function dateWords(day: Temporal.PlainDate): string {
  return `${day.year}年${day.month}月${day.day}日`;
}

/** Midnight is the end of a day for whoever reads it on a wall. */
function untilWords(endsAt: string): string {
  const end = Temporal.Instant.from(endsAt).toZonedDateTimeISO(zone);
  return `${dateWords(end.toPlainDate().subtract({ days: 1 }))} 24 时`;
}
