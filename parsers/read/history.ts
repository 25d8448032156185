/** Finds where a body begins to quote older messages, by the shape of the lines that mail programs put there. */

/** `-----Original Appointment-----` in any language. */
const divider = /^[ \t]{0,8}[-–—]{3,}[ \t]{0,4}\p{L}[^\n\-–—]{2,60}?[ \t]{0,4}[-–—]{3,}[ \t]{0,8}$/u;
/** One line of a header block: a short label, a colon, a value. */
const header =
  /^[ \t]{0,8}\*?(?<label>\p{L}[\p{L}\p{M} .'’/-]{0,30}?)\*?[ \t]{0,2}:\*?[ \t]{0,8}(?<value>\S.{0,2000})$/u;
const year = /(?:^|[^\d])(?:19|20|25)\d\d(?:$|[^\d])/;
const clock = /\d{1,2}[:.h時]\s?\d{2}/;
const address = /[^\s@<>]{1,128}@[^\s@<>]{1,255}\.[a-z]/i;

/** The word for the sender in Outlook's header block; the block's other lines are known by shape. */
const from = new Set(
  'from,von,de,da,van,från,fra,lähettäjä,od,от,від,kimden,gönderen,από,feladó,de la,saatja,nuo,发件人,發件人,寄件者,差出人,送信者,보낸 사람,من,מאת,จาก,từ,dari,oddawca,pošiljatelj,šalje,remitente,expéditeur,mittente,remetente,afzender,avsändare,avsender,afsender'.split(
    ',',
  ),
);

/** Offsets at which older messages begin, in order. */
export function historyOffsets(text: string): number[] {
  const offsets: number[] = [];
  const lines = text.split('\n');
  let at = 0;
  let coveredTo = 0;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (i >= coveredTo && line.length < 2100) {
      if (divider.test(line) && introducesMessage(lines, i + 1)) {
        offsets.push(at);
        // The header block below the divider is the same message's.
        coveredTo = i + 6;
      } else if (isHeaderBlock(lines, i)) {
        offsets.push(at);
        coveredTo = i + 4;
      }
    }
    at += line.length + 1;
  }
  return offsets;
}

/** Whether header lines follow a divider: without them it is only a heading that somebody drew. */
function introducesMessage(lines: readonly string[], at: number): boolean {
  for (const line of lines.slice(at, at + 6)) {
    const found = line.length > 2100 ? null : header.exec(line);
    if (found === null && line.trim() !== '') return false;
    const value = found?.groups?.['value'] ?? '';
    if (from.has(found?.groups?.['label']?.trim().toLowerCase() ?? '') || address.test(value) || isDate(value))
      return true;
  }
  return false;
}

/** Sender, date and at least one more line, with no line between that is no header. */
function isHeaderBlock(lines: readonly string[], at: number): boolean {
  const first = header.exec(lines[at] ?? '');
  if (first === null) return false;
  const label = first.groups?.['label']?.trim().toLowerCase() ?? '';
  const value = first.groups?.['value'] ?? '';
  const known = from.has(label);
  if (!known && !(address.test(value) && !isDate(value))) return false;
  let count = 1;
  let dated = false;
  for (let i = at + 1; i < Math.min(lines.length, at + 12); i++) {
    const line = lines[i] ?? '';
    // Some mailers write every line of the block as a paragraph of its own.
    if (line.trim() === '' && (lines[i - 1] ?? '').trim() !== '') continue;
    const next = line.length > 2100 ? null : header.exec(line);
    if (next === null) break;
    count++;
    // A label that we know may have the recipient next; any other is the sender's only if the date follows at once.
    if (count <= (known ? 3 : 2) && isDate(next.groups?.['value'] ?? '')) dated = true;
  }
  return count >= 3 && dated;
}

function isDate(value: string): boolean {
  return value.length < 200 && year.test(value) && clock.test(value);
}
