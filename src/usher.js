#!/usr/bin/env node
/**
 * The `usher` command of the installed package. Node runs this project's TypeScript as it stands, but not below a
 * `node_modules` folder; there, a load hook strips the types of this package's own files (and of nothing else).
 */
import process from 'node:process';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `usher: this is Node ${process.versions.node}; Usher needs Node 22.18 or newer (24 recommended). Install it and run usher again.\n`,
  );
  process.exit(2);
}
await import('./strip-types.js');
await import('./main.ts');
