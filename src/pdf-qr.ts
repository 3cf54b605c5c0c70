import encodeQR from 'qr';

/** Where a QR code stands: its upper left corner and its side, in points, with `border` light modules around it, at least one. */
interface Place {
  x: number;
  y: number;
  side: number;
  border: number;
}

/**
 * Draws a QR code (ISO/IEC 18004) of `text`, in one colour. A quarter of its surface may be scratched off where
 * `isWorn`; else 15 %.
 */
export function drawQr(
  doc: PDFKit.PDFDocument,
  text: string,
  { x, y, side, border }: Place,
  { color, isWorn = false }: { color: string; isWorn?: boolean },
): void {
  const rows = encodeQR(text, 'raw', { border, ecc: isWorn ? 'quartile' : 'medium' });
  const module = side / rows.length;
  for (const [row, cells] of rows.entries()) {
    for (let column = 0; column < cells.length; column += 1) {
      if (!cells[column]) continue;
      const from = column;
      // Modules beside each other are one rectangle: hair lines between them would show in print.
      while (cells[column + 1]) column += 1;
      doc.rect(x + from * module, y + row * module, (column + 1 - from) * module, module);
    }
  }
  doc.fill(color);
}
