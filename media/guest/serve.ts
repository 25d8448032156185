/** Serves an adapter's own pages from a loopback origin, which browsers treat as a secure context. */
import { createServer } from 'node:http';

export interface ServedPages {
  /** Without a slash at the end. */
  readonly origin: string;
  close(): Promise<void>;
}

/** `files` by path. */
export async function servePages(
  files: Readonly<Record<string, { type: string; body: string }>>,
): Promise<ServedPages> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': `${file.type}; charset=utf-8` }).end(file.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // Whoever forgets to close it must not be kept alive by it.
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the page server has no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
