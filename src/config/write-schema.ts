/** `npm run schema`: writes docs/usher.schema.json from the configuration's schema. */
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from './schema.ts';

const target = new URL('../../docs/usher.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
