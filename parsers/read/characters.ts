/** Characters that look like others or like nothing: made plain before anything is searched for. */

/** Zero-width and direction marks, soft hyphen, byte-order mark. */
const invisible = /\u034f|[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;
const oddBlank = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
const oddDigit = /[\uff10-\uff1a\uff20\u0660-\u0669\u06f0-\u06f9]/g;
const lineEnd = /\r\n?|[\u000b\u000c\u0085\u2028\u2029]/g;

/** Blanks as U+0020, digits of other scripts as ASCII, one kind of line end, nothing invisible. */
export function plainCharacters(text: string): string {
  return text.replace(lineEnd, '\n').replace(invisible, '').replace(oddBlank, ' ').replace(oddDigit, plainDigit);
}

/** Full-width digits, colon and at sign, and Arabic-Indic digits, as ASCII. */
function plainDigit(char: string): string {
  const code = char.charCodeAt(0);
  if (code >= 0xff00) return String.fromCharCode(code - 0xfee0);
  return String.fromCharCode(0x30 + (code >= 0x6f0 ? code - 0x6f0 : code - 0x660));
}

/** Without C0 controls except tab and line feed: what a damaged charset leaves behind. */
export function withoutControls(text: string): string {
  return text.replace(/[\u0000-\u0008\u000e-\u001f\u007f]/g, '');
}
