/** H.264 in SDP (RFC 6184 section 8) and what its levels mean (ITU-T H.264 Annex A). */

/** What the bridge's browser pages send and take whatever the room says: Constrained Baseline at level 3.1, 720p30. */
export const pageProfileLevelId = '42e01f';

export interface H264 {
  /** The first two bytes of profile-level-id, as offered: profile_idc and profile-iop. */
  profile: string;
  level: Level;
  packetizationMode: 0 | 1;
  levelAsymmetryAllowed: boolean;
  /** MaxFS and MaxMBPS with max-fs and max-mbps, which may raise what the level says. */
  maxFrameSize: number;
  maxMacroblocksPerSecond: number;
}

export interface Level {
  /** level_idc, ten times the level; 9 stands for level 1b. */
  idc: number;
  maxMacroblocksPerSecond: number;
  /** Macroblocks. */
  maxFrameSize: number;
  /** Bits a second. */
  maxBitrate: number;
}

/** ITU-T H.264 table A-1: level_idc, MaxMBPS, MaxFS, MaxBR in kbit/s. */
const levels: readonly Level[] = (
  [
    [10, 1485, 99, 64],
    [9, 1485, 99, 128],
    [11, 3000, 396, 192],
    [12, 6000, 396, 384],
    [13, 11_880, 396, 768],
    [20, 11_880, 396, 2000],
    [21, 19_800, 792, 4000],
    [22, 20_250, 1620, 4000],
    [30, 40_500, 1620, 10_000],
    [31, 108_000, 3600, 14_000],
    [32, 216_000, 5120, 20_000],
    [40, 245_760, 8192, 20_000],
    [41, 245_760, 8192, 50_000],
    [42, 522_240, 8704, 50_000],
    [50, 589_824, 22_080, 135_000],
    [51, 983_040, 36_864, 240_000],
    [52, 2_073_600, 36_864, 240_000],
  ] as const
).map(([idc, maxMacroblocksPerSecond, maxFrameSize, kbit]) => ({
  idc,
  maxMacroblocksPerSecond,
  maxFrameSize,
  maxBitrate: kbit * 1000,
}));

const ownLevel = levelOf(31);

/** What RFC 6184 section 8.1 means by no profile-level-id: Baseline, level 1. */
const defaultProfileLevelId = '42000a';

/**
 * An fmtp line; null for what the browser pages cannot speak: any profile but the Baselines (a Baseline decoder takes
 * Constrained Baseline), and packetization-mode 2.
 */
export function readH264(parameters: string): H264 | null {
  const values = new Map<string, string>();
  for (const part of parameters.split(';')) {
    const [name = '', value = ''] = part.split('=', 2);
    values.set(name.trim().toLowerCase(), value.trim());
  }
  const id = (values.get('profile-level-id') ?? defaultProfileLevelId).toLowerCase();
  if (!/^42[0-9a-f]{4}$/.test(id)) return null;
  const mode = values.get('packetization-mode') ?? '0';
  if (mode !== '0' && mode !== '1') return null;
  const iop = Number.parseInt(id.slice(2, 4), 16);
  const idc = Number.parseInt(id.slice(4), 16);
  // Level 1b is level_idc 11 with constraint_set3_flag (Annex A.3.1).
  const level = levelOf(idc === 11 && (iop & 0x10) !== 0 ? 9 : idc);
  return {
    profile: id.slice(0, 4),
    level,
    packetizationMode: mode === '1' ? 1 : 0,
    levelAsymmetryAllowed: values.get('level-asymmetry-allowed') === '1',
    maxFrameSize: Math.max(level.maxFrameSize, count(values.get('max-fs'))),
    maxMacroblocksPerSecond: Math.max(level.maxMacroblocksPerSecond, count(values.get('max-mbps'))),
  };
}

/**
 * The fmtp line of our answer. Levels may differ by direction only where both sides say so; else the lower one goes for
 * both (RFC 6184 section 8.2.2).
 */
export function answerParameters(offered: H264): string {
  const level = offered.levelAsymmetryAllowed ? ownLevel : lower(offered.level, ownLevel);
  return writeParameters(offered.profile, level, offered.packetizationMode, offered.levelAsymmetryAllowed);
}

/** The fmtp line of our own offer. */
export function offerParameters(packetizationMode: 0 | 1): string {
  return writeParameters(pageProfileLevelId.slice(0, 4), ownLevel, packetizationMode, true);
}

function writeParameters(profile: string, level: Level, packetizationMode: 0 | 1, asymmetry: boolean): string {
  const idc = level.idc === 9 ? 11 : level.idc;
  const parts = [`profile-level-id=${profile}${idc.toString(16).padStart(2, '0')}`];
  if (asymmetry) parts.push('level-asymmetry-allowed=1');
  parts.push(`packetization-mode=${packetizationMode}`);
  return parts.join(';');
}

/** The table's entry, or the highest below for a level_idc that is not in it; level 1 for less than that. */
function levelOf(idc: number): Level {
  let best = levels[0];
  for (const level of levels) if (level.idc <= idc && (best === undefined || level.idc > best.idc)) best = level;
  const first = levels.find((level) => level.idc === idc) ?? best;
  if (first === undefined) throw new Error('the table of levels is empty');
  return first;
}

function lower(a: Level, b: Level): Level {
  return order(a) <= order(b) ? a : b;
}

/** Level 1b lies between 1 and 1.1. */
function order(level: Level): number {
  return level.idc === 9 ? 10.5 : level.idc;
}

function count(value: string | undefined): number {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : 0;
}
