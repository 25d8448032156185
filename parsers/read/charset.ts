/** Bytes as text, whatever charset they turn out to have. */

/** The charset that a byte-order mark or the pattern of zero bytes gives away; `null` where neither does. */
export function unicodeMark(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | null {
  const [first, second, third] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  let even = 0;
  let odd = 0;
  const looked = Math.min(bytes.length, 256);
  for (let i = 0; i < looked; i++) if (bytes[i] === 0) i % 2 === 0 ? even++ : odd++;
  if (looked >= 8 && odd > looked / 4 && even < looked / 16) return 'utf-16le';
  if (looked >= 8 && even > looked / 4 && odd < looked / 16) return 'utf-16be';
  return null;
}

/** UTF-8 or UTF-16 by mark; bytes that are neither are read as `fallback`, by default windows-1252. Never throws. */
export function decodeText(bytes: Uint8Array, fallback = 'windows-1252'): string {
  const mark = unicodeMark(bytes);
  if (mark !== null) return new TextDecoder(mark).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // One damaged character among many good ones is damage, not another charset.
    const lossy = new TextDecoder('utf-8').decode(bytes);
    const damaged = lossy.split('\ufffd').length - 1;
    const good = lossy.match(/[\u0080-\ufffc]/g)?.length ?? 0;
    return damaged <= good ? lossy : decodeAs(bytes, fallback);
  }
}

/** As the named charset; an unknown name is read as UTF-8, or windows-1252 where that fails. */
export function decodeAs(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return charset === 'windows-1252' ? new TextDecoder('utf-8').decode(bytes) : decodeText(bytes);
  }
}
