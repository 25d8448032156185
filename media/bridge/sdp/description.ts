/**
 * An SDP body as far as the bridge needs it (RFC 8866), read by a library and checked, so that everything behind this
 * file works on a structure and never on text.
 */
import { parse } from 'sdp-transform';
import { z } from 'zod';
import { UnacceptableOffer } from '../../call.ts';
import { type Crypto, readCrypto } from './sdes.ts';

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One RTP format of an m= line. */
export interface Format {
  payloadType: number;
  /** Encoding name as written, e.g. `PCMU`. */
  name: string;
  clockRate: number;
  channels: number;
  /** The fmtp line as it stands; empty where there is none. */
  parameters: string;
}

/** RTCP feedback that the bridge can use (RFC 4585, RFC 5104). */
export interface Feedback {
  nack: boolean;
  pli: boolean;
  fir: boolean;
}

/** One m= line with everything that applies to it, session level included. */
export interface Media {
  type: string;
  port: number;
  protocol: string;
  /** The format list as written, for answering an m= line that we refuse. */
  formatList: string;
  formats: Format[];
  /** Where media goes; null where there is no c= line. */
  address: string | null;
  rtcpPort: number | null;
  rtcpMux: boolean;
  direction: Direction;
  feedback(payloadType: number): Feedback;
  /** The first a=ssrc. */
  ssrc: number | null;
  cryptos: Crypto[];
  /** b=AS or b=TIAS, bits a second. */
  bandwidth: number | null;
  /** RFC 4796: `main`, `slides`, … */
  content: string | null;
  mid: string | null;
}

export interface Description {
  media: Media[];
}

/** Longest body that is looked at, characters; real ones stay below a tenth of it. */
const longest = 65_536;
const mostMedia = 32;
const mostFormats = 128;

/** Formats that need no rtpmap (RFC 3551 section 6). */
const staticFormats: ReadonlyMap<number, { name: string; clockRate: number }> = new Map([
  [0, { name: 'PCMU', clockRate: 8000 }],
  [8, { name: 'PCMA', clockRate: 8000 }],
  [9, { name: 'G722', clockRate: 8000 }],
]);

const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const;
const text = z.union([z.string(), z.number()]).transform(String);
const portNumber = z.number().int().min(0).max(65_535);
const list = <T extends z.ZodType>(item: T) => z.array(item).optional().default([]);

const mediaShape = z.object({
  type: text,
  port: portNumber,
  protocol: text,
  payloads: text.optional().default(''),
  rtp: list(
    z.object({
      payload: z.number().int(),
      codec: text,
      rate: z.number().int().positive().optional(),
      encoding: z.coerce.number().int().positive().optional().catch(undefined),
    }),
  ),
  fmtp: list(z.object({ payload: z.union([z.number(), z.string()]), config: text })),
  rtcp: z.object({ port: portNumber }).optional().catch(undefined),
  rtcpMux: z.unknown().optional(),
  rtcpFb: list(z.object({ payload: z.union([z.number(), z.string()]), type: text, subtype: text.optional() })),
  direction: z.enum(directions).optional().catch(undefined),
  connection: z.object({ ip: text }).optional().catch(undefined),
  ssrcs: list(z.object({ id: z.number().int().min(0).max(0xffff_ffff) })).catch([]),
  crypto: list(z.object({ id: z.number().int(), suite: text, config: text, sessionConfig: text.optional() })).catch([]),
  bandwidth: list(z.object({ type: text, limit: z.number().nonnegative() })).catch([]),
  mid: text.optional(),
  content: text.optional(),
  invalid: list(z.object({ value: text })).catch([]),
});

const sessionShape = z.object({
  version: z.literal(0),
  origin: z.object({ address: text }),
  connection: z.object({ ip: text }).optional().catch(undefined),
  direction: z.enum(directions).optional().catch(undefined),
  bandwidth: list(z.object({ type: text, limit: z.number().nonnegative() })).catch([]),
  crypto: mediaShape.shape.crypto,
  rtcpFb: mediaShape.shape.rtcpFb,
  media: z.array(mediaShape).min(1).max(mostMedia),
});

type ParsedMedia = z.infer<typeof mediaShape>;
type ParsedSession = z.infer<typeof sessionShape>;

/** @throws UnacceptableOffer that says what is wrong with the body */
export function readDescription(body: string): Description {
  if (body.trim() === '') throw new UnacceptableOffer('the SDP body is empty');
  if (body.length > longest) {
    throw new UnacceptableOffer(`the SDP body has ${body.length} characters; at most ${longest} are read`);
  }
  let parsed: unknown;
  try {
    parsed = parse(body);
  } catch (error) {
    throw new UnacceptableOffer(`the body is not SDP: ${error instanceof Error ? error.message : String(error)}`);
  }
  const session = sessionShape.safeParse(parsed);
  if (!session.success)
    throw new UnacceptableOffer(`the body is not SDP that can be used: ${whatIsWrong(session.error)}`);
  return { media: session.data.media.map((media) => toMedia(media, session.data)) };
}

function whatIsWrong(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'unknown';
  const [first, index, field] = issue.path;
  if (first === 'version') return 'no line v=0';
  if (first === 'origin') return 'no o= line';
  if (first === 'media' && typeof index !== 'number') {
    return issue.code === 'too_big' ? `more than ${mostMedia} m= lines` : 'no m= line';
  }
  return `${first === 'media' ? `m= line ${Number(index) + 1}` : String(first)}: ${String(field ?? '')} ${issue.message}`;
}

function toMedia(media: ParsedMedia, session: ParsedSession): Media {
  const content = media.content ?? attribute(media, 'content');
  return {
    type: media.type.toLowerCase(),
    port: media.port,
    protocol: media.protocol.toUpperCase(),
    formatList: media.payloads.trim(),
    formats: toFormats(media),
    address: (media.connection ?? session.connection)?.ip ?? null,
    rtcpPort: media.rtcp?.port ?? null,
    rtcpMux: media.rtcpMux !== undefined,
    direction: media.direction ?? session.direction ?? 'sendrecv',
    feedback: (payloadType) => toFeedback([...session.rtcpFb, ...media.rtcpFb], payloadType),
    ssrc: media.ssrcs[0]?.id ?? null,
    cryptos: (media.crypto.length > 0 ? media.crypto : session.crypto).flatMap((line) => readCrypto(line) ?? []),
    bandwidth: toBandwidth(media.bandwidth) ?? toBandwidth(session.bandwidth),
    content: content?.toLowerCase() ?? null,
    mid: media.mid ?? null,
  };
}

/** Attributes that the library does not know are kept as they stand. */
function attribute(media: ParsedMedia, name: string): string | undefined {
  const found = media.invalid.find(({ value }) => value.startsWith(`${name}:`));
  return found?.value.slice(name.length + 1).trim();
}

function toFormats(media: ParsedMedia): Format[] {
  const formats: Format[] = [];
  for (const token of media.payloads.split(/\s+/).slice(0, mostFormats)) {
    if (!/^\d{1,3}$/.test(token)) continue;
    const payloadType = Number(token);
    if (payloadType > 127 || formats.some((format) => format.payloadType === payloadType)) continue;
    const map = media.rtp.find((line) => line.payload === payloadType);
    const known = staticFormats.get(payloadType);
    const name = map?.codec ?? known?.name;
    if (name === undefined) continue;
    formats.push({
      payloadType,
      name,
      clockRate: map?.rate ?? known?.clockRate ?? 90_000,
      channels: map?.encoding ?? 1,
      parameters: media.fmtp.find((line) => Number(line.payload) === payloadType)?.config ?? '',
    });
  }
  return formats;
}

function toFeedback(lines: ParsedMedia['rtcpFb'], payloadType: number): Feedback {
  const feedback = { nack: false, pli: false, fir: false };
  for (const line of lines) {
    if (String(line.payload) !== '*' && Number(line.payload) !== payloadType) continue;
    const subtype = line.subtype?.trim();
    if (line.type === 'nack' && (subtype === undefined || subtype === '')) feedback.nack = true;
    if (line.type === 'nack' && subtype === 'pli') feedback.pli = true;
    if (line.type === 'ccm' && subtype === 'fir') feedback.fir = true;
  }
  return feedback;
}

function toBandwidth(lines: ParsedMedia['bandwidth']): number | null {
  const exact = lines.find((line) => line.type === 'TIAS');
  if (exact !== undefined) return exact.limit;
  const rough = lines.find((line) => line.type === 'AS');
  return rough === undefined ? null : rough.limit * 1000;
}
