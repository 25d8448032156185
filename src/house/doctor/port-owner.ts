/** Who has a port of this machine, as Linux tells it in /proc (proc_net(5)). Elsewhere, and of other accounts' processes, nobody knows. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { endianness } from 'node:os';
import { basename } from 'node:path';

export interface PortOwner {
  pid: number;
  /** The program, and the script that it runs. */
  command: string;
  /** Whether it looks like an Usher. */
  isUsher: boolean;
}

/**
 * @param address that somebody wants to bind: a socket on the same port of another address is in nobody's way
 * @returns null where it cannot be found out
 */
export async function ownerOf(transport: 'udp' | 'tcp', address: string, port: number): Promise<PortOwner | null> {
  try {
    const sockets = new Set<string>();
    for (const family of ['', '6']) {
      const table = await readFile(`/proc/net/${transport}${family}`, 'utf8').catch(() => '');
      for (const socket of table.split('\n').slice(1)) {
        const inode = inodeOf(socket, transport, address, port);
        if (inode !== null) sockets.add(`socket:[${inode}]`);
      }
    }
    if (sockets.size === 0) return null;
    for (const pid of await readdir('/proc')) {
      if (/^\d+$/.test(pid) && (await holds(pid, sockets))) return describe(Number(pid));
    }
    return null;
  } catch {
    // No Linux, or a /proc that is closed to us.
    return null;
  }
}

/** TCP_LISTEN and, for UDP, TCP_CLOSE: a socket that is bound and connected to nobody. */
const bound = { tcp: '0A', udp: '07' };
const wildcards = new Set(['0.0.0.0', '[::]']);

function inodeOf(line: string, transport: 'udp' | 'tcp', address: string, port: number): string | null {
  const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
  const [host = '', at = ''] = local.split(':');
  if (inode === undefined || state !== bound[transport] || Number.parseInt(at, 16) !== port) return null;
  const [theirs, ours] = [written(host), plain(address)];
  return theirs === ours || wildcards.has(theirs) || wildcards.has(ours) ? inode : null;
}

/** An address as /proc has it: 32-bit words in hexadecimal, in the byte order of the machine. */
function written(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) => {
    const bytes = word.match(/../g) ?? [];
    return endianness() === 'LE' ? bytes.reverse() : bytes;
  });
  const bytes = words.flat();
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => `${bytes[2 * at]}${bytes[2 * at + 1]}`);
  return plain(groups.join(':'));
}

/** One way to write each address. */
function plain(address: string): string {
  if (!address.includes(':')) return address;
  const { hostname } = new URL(`http://[${address}]`);
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname);
  if (mapped === null) return hostname;
  const pair = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return pair.flatMap((group) => [group >> 8, group & 255]).join('.');
}

async function holds(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const open = await readdir(`/proc/${pid}/fd`).catch((): string[] => []);
  for (const one of open) {
    if (sockets.has(await readlink(`/proc/${pid}/fd/${one}`).catch(() => ''))) return true;
  }
  return false;
}

async function describe(pid: number): Promise<PortOwner> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const words = text.split('\0').filter((word) => word !== '');
  const isUsher = words.some((word) => /(^|\/)(usher|usher\.js|src\/main\.ts)$/.test(word));
  // Further arguments may be secrets.
  const [program = 'unknown', script = ''] = words;
  const command = `${basename(program)}${script.startsWith('-') || script === '' ? '' : ` ${script}`}`.slice(0, 80);
  return { pid, command, isUsher };
}
