/** How a device proves who it is: by an authority, by its own pinned certificate, or, said loudly, not at all. */
import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { DeviceError } from '../device.ts';

export type CiscoTls =
  /** PEM of the authorities that may have signed the device's certificate; without it, those that Node trusts. */
  | { kind: 'authority'; ca: string | null }
  /** SHA-256 of the device's certificate: 64 hexadecimal digits, with or without colons. */
  | { kind: 'fingerprint'; sha256: string }
  /** Anybody who answers at the address is given the password. */
  | { kind: 'none' };

/** @param timeout milliseconds for TCP and TLS together */
export function deviceConnector(tls: CiscoTls, timeout: number): buildConnector.connector {
  if (tls.kind === 'authority') {
    return buildConnector({ timeout, ...(tls.ca === null ? {} : { ca: tls.ca }) });
  }
  const connect = buildConnector({ timeout, rejectUnauthorized: false });
  if (tls.kind === 'none') return connect;
  const pinned = plain(tls.sha256);
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error !== null || socket === null) return callback(error ?? new Error('no connection'), null);
      const found = plain(fingerprintOf(socket));
      if (found === pinned) return callback(null, socket);
      socket.destroy();
      const message = `shows another certificate than the pinned one: its SHA-256 is ${found || 'unknown'}`;
      callback(
        new DeviceError('certificate', `${message}; correct tls.fingerprint if the device was given a new one`),
        null,
      );
    });
}

function fingerprintOf(socket: object): string {
  return isTls(socket) ? (socket.getPeerCertificate().fingerprint256 ?? '') : '';
}

function isTls(socket: object): socket is TLSSocket {
  return 'getPeerCertificate' in socket;
}

function plain(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

/** Whether a connection failed because of the certificate (codes of node:tls and OpenSSL). */
export function isCertificateProblem(code: string): boolean {
  return /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET)|ERR_SSL_)/.test(code);
}
