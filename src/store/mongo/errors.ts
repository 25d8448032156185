/** What the MongoDB driver throws, put into sentences that say what to do. */
import mongoose, { mongo } from 'mongoose';
import { StoreUnavailable } from '../store.ts';

/** https://www.mongodb.com/docs/manual/reference/error-codes/ */
const duplicateKey = 11_000;
const unauthorized = 13;
const authenticationFailed = 18;
const outOfDisk = 14_031;

/** Which unique key a write broke: `_id`, or one of the collection's unique indexes. */
export function brokenKey(error: unknown): 'key' | 'unique' | null {
  if (!(error instanceof mongo.MongoServerError) || error.code !== duplicateKey) return null;
  const pattern: unknown = error['keyPattern'];
  return typeof pattern === 'object' && pattern !== null && '_id' in pattern ? 'key' : 'unique';
}

/** True where it is not known whether the operation happened: the connection broke, or the server changed its role. */
export function isInterrupted(error: unknown): boolean {
  if (isAway(error)) return false;
  if (error instanceof mongo.MongoNetworkError) return true;
  return error instanceof mongo.MongoError && error.hasErrorLabel('RetryableWriteError');
}

/** The error to throw for `error`: a `StoreUnavailable` with a remedy where there is one, else the error itself. */
export function explained(error: unknown, store: string): unknown {
  const text = sentence(error, store);
  return text === null ? error : new StoreUnavailable(text, { cause: error });
}

function sentence(error: unknown, store: string): string | null {
  if (error instanceof mongo.MongoCompatibilityError || isTooOld(error)) {
    return `${store} is too old: Usher needs MongoDB 7.0 or newer. Upgrade the server.`;
  }
  if (isAway(error)) {
    return `${store} cannot be reached (${error.message}). See that it runs, that its address is right and that nothing between blocks the connection.`;
  }
  if (error instanceof mongo.MongoServerError) {
    if (error.code === authenticationFailed)
      return `${store} refuses the user name or password. Correct them in the connection string.`;
    if (error.code === unauthorized)
      return `${store} does not let this user read and write its database: give the user the role readWrite there.`;
    if (error.code === outOfDisk) return `${store} has no disk space left. Free some; what was stored before is kept.`;
  }
  if (isInterrupted(error)) {
    return `${store} broke the connection${error instanceof Error ? ` (${error.message})` : ''}. Usher connects again by itself; see the server's log if this goes on.`;
  }
  if (error instanceof mongo.MongoNotConnectedError || error instanceof mongo.MongoClientClosedError)
    return `${store} is closed.`;
  // By its name: the parser of connection strings has an error class of its own.
  if (error instanceof Error && (error.name === 'MongoParseError' || error.name === 'MongoInvalidArgumentError')) {
    return `${store}: the connection string is not valid (${error.message}). It looks like mongodb://user:password@host:27017/usher`;
  }
  return null;
}

/** No server could be chosen in time; mongoose has an error of its own for it at the first connection. */
function isAway(
  error: unknown,
): error is mongo.MongoServerSelectionError | InstanceType<typeof mongoose.Error.MongooseServerSelectionError> {
  return (
    error instanceof mongo.MongoServerSelectionError || error instanceof mongoose.Error.MongooseServerSelectionError
  );
}

/** What the driver says when no server speaks a protocol that it still knows; mongoose passes on nothing but the words. */
function isTooOld(error: unknown): boolean {
  return isAway(error) && /reports maximum wire version/.test(error.message);
}
