// npm run openapi: writes openapi/openapi.json, what the routes promise, and the table of errors in the page beside it.

import { writeFile } from 'node:fs/promises';
import { contractPage, contractText } from '../test/support/contract.ts';

await writeFile(new URL('../openapi/openapi.json', import.meta.url), await contractText());
await writeFile(new URL('../openapi/README.md', import.meta.url), await contractPage());
