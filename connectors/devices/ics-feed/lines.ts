/** iCalendar content lines as RFC 5545 section 3.1 writes them: escaped, folded by octets, ended by CRLF. */

/** Value of a TEXT property (RFC 5545 section 3.3.11). */
export function textValue(text: string): string {
  return clean(text)
    .replace(/[\\;,]/g, (found) => `\\${found}`)
    .replace(/\r\n|\r|\n/g, '\\n');
}

/** Value of a parameter, quoted; carets as RFC 6868 writes what a quoted string cannot hold. */
export function parameterValue(text: string): string {
  const plain = clean(text)
    .replace(/\^/g, '^^')
    .replace(/\r\n|\r|\n/g, '^n')
    .replace(/"/g, "^'");
  return `"${plain}"`;
}

/** Value of a URI or CAL-ADDRESS property: no white space, no controls, nothing that could begin another line. */
export function uriValue(uri: string): string {
  return uri.replace(/[\u0000-\u0020\u007f"<>\\^`{|}]/g, (found) => encodeURIComponent(found));
}

/** `20260131T090000Z`. */
export function instantValue(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

/** Drops control characters but tab and line ends, and halves of surrogate pairs, which no octets stand for. */
function clean(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '').toWellFormed();
}

/** Folds at 75 octets without the line end, never within a character (RFC 5545 section 3.1). */
export function contentLine(line: string): string {
  let folded = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > 75) {
      folded += '\r\n ';
      octets = 1;
    }
    folded += character;
    octets += size;
  }
  return `${folded}\r\n`;
}
