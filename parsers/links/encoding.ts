/** Decoding that never throws: what cannot be decoded stays as it stands. */

const utf8 = new TextDecoder('utf-8');

/** Undoes percent-encoding once. A `%` that begins no escape stays; bytes that are no UTF-8 become U+FFFD. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/(?:%[0-9a-fA-F]{2}){1,4096}/g, (run) => {
    const bytes = new Uint8Array(run.length / 3);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(run.slice(i * 3 + 1, i * 3 + 3), 16);
    return utf8.decode(bytes);
  });
}

/** Base64 or base64url, padded or not; `null` where it is neither. */
export function base64Decode(text: string): string | null {
  if (text === '' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return null;
  return utf8.decode(Buffer.from(text, 'base64'));
}
