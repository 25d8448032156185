import assert from 'node:assert/strict';
import { withDatabase } from './engine.ts';

describe('the addresses of databases that tests make on the server of MONGODB_URI @mongo', () => {
  it('keep hosts, options and the database that users are known to', () => {
    for (const [given, expected] of [
      ['mongodb://127.0.0.1:27017', 'mongodb://127.0.0.1:27017/t'],
      ['mongodb://a:1,b:2/usher?replicaSet=rs0', 'mongodb://a:1,b:2/t?replicaSet=rs0'],
      ['mongodb://u:p%40@h/usher', 'mongodb://u:p%40@h/t?authSource=usher'],
      ['mongodb+srv://u:p@h/?w=1', 'mongodb+srv://u:p@h/t?w=1&authSource=admin'],
      ['mongodb://u:p@h/usher?authSource=x', 'mongodb://u:p@h/t?authSource=x'],
    ] as const) {
      assert.equal(withDatabase(given, 't'), expected);
    }
    assert.throws(() => withDatabase('127.0.0.1', 't'), /no connection string/);
  });
});
