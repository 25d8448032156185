/**
 * The signed statement by which an app proves that it has the private key of its certificate
 * (learn.microsoft.com/entra/identity-platform/certificate-credentials). Made here and not by MSAL, which dates it by this
 * machine's clock: Entra takes no statement from five minutes ahead, and a clock may be further off than that.
 */
import { constants, createHash, createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';

export interface CertificateCredential {
  /** PEM. */
  certificate: string;
  /** PEM, RSA. */
  privateKey: string;
}

const lifeSeconds = 600;

/**
 * @returns a function that signs a statement for the token endpoint, as of `now` (milliseconds since 1970, by Entra's clock)
 * @throws TypeError when certificate or key cannot be read or are of a kind that Entra does not take
 */
export function assertionBy(
  { certificate, privateKey }: CertificateCredential,
  clientId: string,
): (tokenEndpoint: string, now: number) => string {
  const { raw, key } = readPair(certificate, privateKey);
  const thumbprint = createHash('sha256').update(raw).digest('base64url');
  const header = encoded({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint, x5c: [raw.toString('base64')] });
  return (tokenEndpoint, now) => {
    const from = Math.floor(now / 1000);
    const body = encoded({
      aud: tokenEndpoint,
      iss: clientId,
      sub: clientId,
      jti: randomUUID(),
      nbf: from,
      exp: from + lifeSeconds,
    });
    const signature = sign('sha256', Buffer.from(`${header}.${body}`), {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    });
    return `${header}.${body}.${signature.toString('base64url')}`;
  };
}

function readPair(certificate: string, privateKey: string) {
  try {
    const known = new X509Certificate(certificate);
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType !== 'rsa')
      throw new TypeError(`the private key is of type ${key.asymmetricKeyType}; Entra takes RSA`);
    if (!known.checkPrivateKey(key)) throw new TypeError('the private key is not that of the certificate');
    return { raw: known.raw, key };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TypeError(`microsoft365.certificate: ${why}; give certificate and privateKey as PEM`, { cause: error });
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
