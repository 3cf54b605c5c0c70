import { Busboy } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { malformed, Refusal } from '../refusals.ts';

/** What else a form may hold, and be ignored: a name, a time, a token of the page. */
const otherParts = { fields: 20, fieldNameSize: 100, fieldSize: 1_000, headerPairs: 20, headerSize: 4_096 };

/**
 * The only file of a form: RFC 7578, multipart/form-data. Read as it comes, so that no more is held than the file; fields
 * are passed over. A form without a file among its first parts is an empty one.
 * @throws Refusal `body-too-large`: more than `maxBytes` in all | `media-type-unsupported`: broken |
 *   `validation-failed`: a second file
 */
export async function fileInForm(request: FastifyRequest, body: NodeJS.ReadableStream, maxBytes: number) {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new Refusal('body-too-large');
  const form = formOf(request.headers['content-type']!);
  return await new Promise<Buffer>((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const fail = (refusal: Error) => {
      body.unpipe(form);
      // What is still to come is read and forgotten, so that the answer is heard.
      body.resume();
      reject(refusal);
    };
    body.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > maxBytes) fail(new Refusal('body-too-large'));
    });
    // Its deadline, or the line that was cut.
    body.on('error', fail);
    form.on('file', (_name, file) => {
      file.on('data', (part: Buffer) => parts.push(part));
      file.on('error', () => undefined);
    });
    // Which of several was meant is not for us to choose.
    form.on('filesLimit', () =>
      fail(
        malformed('/file', 'unique', {
          zh: '一次只能上传一个文件，请逐个上传。',
          en: 'A form holds one file. Upload each file in a request of its own.',
        }),
      ),
    );
    form.on('error', cause => fail(Object.assign(new Refusal('media-type-unsupported'), { cause })));
    form.on('finish', () => resolve(Buffer.concat(parts)));
    body.pipe(form);
  });
}

function formOf(contentType: string) {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: { ...otherParts, files: 1, parts: otherParts.fields + 2 },
    });
  } catch (cause) {
    // Without a boundary there are no parts.
    throw Object.assign(new Refusal('media-type-unsupported'), { cause });
  }
}
