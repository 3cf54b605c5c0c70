// npm run openapi: writes openapi/openapi.json, what the routes promise.

import { writeFile } from 'node:fs/promises';
import { contractText } from '../test/support/contract.ts';

await writeFile(new URL('../openapi/openapi.json', import.meta.url), await contractText());
