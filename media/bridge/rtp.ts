/** RTP packets (RFC 3550 section 5.1) and what must be known of their payload to join two streams. */
import { Buffer } from 'node:buffer';

export interface RtpPacket {
  payloadType: number;
  marker: boolean;
  sequenceNumber: number;
  timestamp: number;
  ssrc: number;
  /** Without header extensions, contributing sources and padding. */
  payload: Buffer;
}

const headerBytes = 12;

/** Null for what is not RTP version 2, or too short for what its header promises. */
export function readRtp(data: Buffer): RtpPacket | null {
  if (data.length < headerBytes) return null;
  const first = data.readUInt8(0);
  if (first >> 6 !== 2) return null;
  const second = data.readUInt8(1);
  let start = headerBytes + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (data.length < start + 4) return null;
    start += 4 + data.readUInt16BE(start + 2) * 4;
  }
  let end = data.length;
  if ((first & 0x20) !== 0) end -= data.readUInt8(data.length - 1);
  if (start > end) return null;
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequenceNumber: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    ssrc: data.readUInt32BE(8),
    payload: data.subarray(start, end),
  };
}

/** A packet with the plain header: no extensions, sources or padding. */
export function writeRtp(packet: RtpPacket): Buffer {
  const data = Buffer.allocUnsafe(headerBytes + packet.payload.length);
  data.writeUInt8(0x80, 0);
  data.writeUInt8((packet.marker ? 0x80 : 0) | packet.payloadType, 1);
  data.writeUInt16BE(packet.sequenceNumber & 0xffff, 2);
  data.writeUInt32BE(packet.timestamp >>> 0, 4);
  data.writeUInt32BE(packet.ssrc >>> 0, 8);
  packet.payload.copy(data, headerBytes);
  return data;
}

/** RTCP on the same port as RTP has a packet type where RTP has marker and payload type (RFC 5761 section 4). */
export function isRtcp(data: Buffer): boolean {
  if (data.length < 2) return false;
  const type = data.readUInt8(1);
  return type >= 192 && type <= 223;
}

/** `a` before `b` by 16-bit serial arithmetic. */
export function isOlder(a: number, b: number): boolean {
  return ((b - a) & 0xffff) < 0x8000 && a !== b;
}

const idr = 5;
const sps = 7;
const stapA = 24;
const fuA = 28;

/** Whether an H.264 payload (RFC 6184 section 5) begins, or goes on with, a picture that needs none before it. */
export function beginsKeyFrame(payload: Buffer): boolean {
  return begins(payload, (type) => type === idr || type === sps);
}

/**
 * Whether an H.264 payload begins with the parameters without which the picture after it cannot be decoded. A key frame
 * that has none may be one whose first packets were missed.
 */
export function beginsWithParameters(payload: Buffer): boolean {
  return begins(payload, (type) => type === sps);
}

/** Whether an H.264 payload holds the beginning of a slice of a picture that needs none before it. */
export function beginsIdr(payload: Buffer): boolean {
  return begins(payload, (type) => type === idr);
}

function begins(payload: Buffer, wanted: (nalUnitType: number) => boolean): boolean {
  const [first, second] = payload;
  if (first === undefined) return false;
  const type = first & 0x1f;
  if (type === fuA) return second !== undefined && (second & 0x80) !== 0 && wanted(second & 0x1f);
  if (type !== stapA) return wanted(type);
  for (let at = 1; at + 2 < payload.length; ) {
    if (wanted(payload.readUInt8(at + 2) & 0x1f)) return true;
    at += 2 + payload.readUInt16BE(at);
  }
  return false;
}
