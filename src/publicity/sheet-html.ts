import type { Sheet } from './lines.ts';
import { cellsOf, columnTitles, wordsOf } from './sheet-words.ts';

const style = `
  @page { size: A4; margin: 15mm 14mm; }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 190mm; padding: 6mm 4mm; color: #14181b; background: #fff;
    font: 11pt/1.5 "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
  h1 { margin: 0 0 4mm; text-align: center; font-size: 20pt; letter-spacing: .08em; }
  .facts { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 8mm; margin: 0 0 3mm; }
  table { width: 100%; border-collapse: collapse; font-size: 10pt; line-height: 1.4; }
  th, td { padding: 1.2mm 1.6mm; border: .3mm solid #9aa4ac; text-align: left; overflow-wrap: anywhere; }
  th { background: #e9eef2; white-space: nowrap; }
  td:nth-child(2), td:nth-child(8) { white-space: nowrap; }
  td:nth-child(3) { max-width: 32mm; word-break: break-all; }
  td:nth-child(4) { min-width: 5.2em; }
  td:nth-child(6) { min-width: 4.6em; }
  th:nth-child(1), td:nth-child(1), th:nth-child(7), td:nth-child(7) { text-align: right; white-space: nowrap; }
  td { font-variant-numeric: tabular-nums; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .cancelled td { color: #5b656d; text-decoration: line-through; }
  .cancelled td:last-child { text-decoration: none; }
  .total { margin: 3mm 0; font-weight: 700; text-align: right; }
  .end { break-inside: avoid; }
  .end p { margin: 0 0 2mm; }
  .signatures { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 6mm; margin-top: 10mm; min-height: 24mm; }
  @media screen and (max-width: 600px) {
    thead { display: none; }
    tr { display: flex; flex-wrap: wrap; gap: 0 3mm; padding: 2mm 0; border-top: .3mm solid #9aa4ac; }
    td, td:nth-child(n) { min-width: 0; max-width: none; padding: 0; border: 0; }
    td:nth-child(5) { flex-basis: 100%; }
    td:nth-child(7)::after { content: " 分"; }
    .signatures { grid-template-columns: 1fr; }
  }
  @media print { body { max-width: none; padding: 0; } }`;

/** A notice as a page of its own: no scripts, nothing asked of elsewhere, and every text escaped. */
export function sheetHtml(sheet: Sheet): string {
  const words = wordsOf(sheet);
  const rows = sheet.lines.map(line => {
    const mark = line.state === 'cancelled' ? ' class="cancelled"' : '';
    return `<tr${mark}>${cellsOf(line)
      .map(cell => `<td>${escaped(cell)}</td>`)
      .join('')}</tr>`;
  });
  return `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(`${words.title} ${sheet.notice.number}`)}</title>
<style>${style}
</style>
</head>
<body>
<h1>${escaped(words.title)}</h1>
<p class="facts"><span>${escaped(words.number)}</span><span>${escaped(words.period)}</span></p>
<table>
<thead><tr>${columnTitles.map(title => `<th scope="col">${title}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
<p class="total">${escaped(words.total)}</p>
<section class="end">
<p>${escaped(words.objection)}</p>
<p>${escaped(words.ending)}</p>
<div class="signatures">${words.signatures.map(text => `<span>${escaped(text)}</span>`).join('')}</div>
</section>
</body>
</html>
`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => entities[character]!);
}
