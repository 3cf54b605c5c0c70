import type { AnyReply } from '../http/route.ts';
import { Refusal } from '../refusals.ts';
import { receiptPdf } from './pdf.ts';
import type { ReceiptView } from './receipt.ts';
import type { Columns } from './text.ts';

/* In which form a receipt is answered. */

const formats = ['application/json', 'text/plain', 'application/pdf'] as const;
type Format = (typeof formats)[number];

export function columnsOf({ columns }: { columns?: '32' | '48' | undefined }): Columns {
  return columns === '48' ? 48 : 32;
}

/** The first type of those asked for that a receipt has. @throws Refusal `not-acceptable` */
export function formatOf(accept: string | undefined): Format {
  const asked = (accept ?? '*/*').split(',').map(part => part.split(';')[0]!.trim().toLowerCase());
  for (const type of asked) {
    const found = formats.find(format => [format, `${format.split('/')[0]}/*`, '*/*'].includes(type));
    if (found !== undefined) return found;
  }
  throw new Refusal('not-acceptable', { supported: [...formats] });
}

export function send(reply: AnyReply, format: Format, receipt: ReceiptView) {
  reply.header('content-language', 'zh-CN').header('vary', 'Accept');
  if (format !== 'application/pdf') {
    reply.type(`${format}; charset=utf-8`);
    return (format === 'text/plain' ? receipt.text : receipt) as never;
  }
  reply.type(format).header('content-disposition', `inline; filename="${receipt.number}.pdf"`);
  return receiptPdf(receipt) as never;
}
