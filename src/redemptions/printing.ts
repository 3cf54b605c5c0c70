import stringWidth from 'string-width';

/** What a receipt is made of, for printers and screens of any kind. Widths count columns; wide characters take two. */
export type Block =
  | { kind: 'text'; align: 'left' | 'center' | 'right'; size: number; text: string }
  | { kind: 'row'; cells: Cell[] }
  | { kind: 'rule' }
  | { kind: 'qr'; text: string }
  | { kind: 'feed'; lines: number }
  | { kind: 'cut' };

interface Cell {
  text: string;
  width: number;
  align?: 'left' | 'right';
}

/** Columns of the paper. */
export const columns = 32;

/** The blocks as lines of text of at most `columns`. */
export function printed(blocks: readonly Block[]): string {
  return blocks
    .flatMap(linesOf)
    .map(line => `${line.trimEnd()}\n`)
    .join('');
}

function linesOf(block: Block): string[] {
  switch (block.kind) {
    case 'text':
      return wrap(block.text, columns).map(line => padded(line, columns, block.align));
    case 'row':
      return rowLines(block.cells);
    case 'rule':
      return ['-'.repeat(columns)];
    default:
      return [];
  }
}

/** Cells side by side; what does not fit into its cell goes on in the next line. */
function rowLines(cells: readonly Cell[]): string[] {
  const wrapped = cells.map(cell => wrap(cell.text, cell.width));
  const height = Math.max(...wrapped.map(lines => lines.length));
  return Array.from({ length: height }, (_, at) =>
    cells.map((cell, column) => padded(wrapped[column]![at] ?? '', cell.width, cell.align ?? 'left')).join(''),
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const character of text) {
    if (stringWidth(line + character) > width) {
      lines.push(line);
      line = '';
    }
    line += character;
  }
  return [...lines, line];
}

function padded(text: string, width: number, align: 'left' | 'center' | 'right'): string {
  const room = Math.max(0, width - stringWidth(text));
  const before = align === 'left' ? 0 : align === 'right' ? room : Math.floor(room / 2);
  return ' '.repeat(before) + text + ' '.repeat(room - before);
}
