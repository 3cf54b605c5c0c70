import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AwsClient } from 'aws4fetch';
import type { PhotoStore } from './photo-store.ts';

/** A bucket of any service that speaks S3, and the key that may write, read and delete in it. */
export interface Bucket {
  endpoint: string;
  region: string;
  bucket: string;
  keyId: string;
  secret: string;
}

/** What has not begun to answer by then is given up, and asked once more. */
const answerWithinMs = 3_000;

/** Photos in a bucket. What fails there is an error that has the service's own code as its name, such as `NoSuchBucket`. */
export function s3Store({ endpoint, region, bucket, keyId, secret }: Bucket): PhotoStore {
  const client = new AwsClient({ accessKeyId: keyId, secretAccessKey: secret, region, service: 's3', retries: 0 });
  // Bucket names as host names need a certificate for each, which a service in a county's own rooms seldom has.
  const folder = `${endpoint.replace(/\/$/, '')}/${bucket}`;

  async function ask(method: 'PUT' | 'GET' | 'DELETE', key: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const tooLate = new AbortController();
    const patience = setTimeout(() => tooLate.abort(new Error('The bucket does not answer.')), answerWithinMs);
    try {
      return await client.fetch(`${folder}/${key}`, {
        method,
        // Signed with the rest, so that a content that was changed on its way is refused.
        headers: {
          'x-amz-content-sha256': createHash('sha256')
            .update(body ?? '')
            .digest('hex'),
          ...(body === undefined ? {} : { 'content-type': 'image/jpeg' }),
        },
        ...(body === undefined ? {} : { body }),
        redirect: 'manual',
        signal: tooLate.signal,
      });
    } finally {
      clearTimeout(patience);
    }
  }

  /** All three may be asked again: the second time changes nothing. */
  async function askTwice(...request: Parameters<typeof ask>): Promise<Response> {
    const answer = await ask(...request).catch(() => undefined);
    if (answer !== undefined && answer.status < 500) return answer;
    await answer?.body?.cancel();
    return ask(...request);
  }

  return {
    async put(key, bytes) {
      const answer = await askTwice('PUT', key, new Uint8Array(bytes));
      if (!answer.ok) throw await errorOf(answer);
      await answer.body?.cancel();
    },

    async get(key) {
      const answer = await askTwice('GET', key);
      if (answer.ok) return Readable.fromWeb(answer.body as ReadableStream);
      const error = await errorOf(answer);
      if (error.name === 'NoSuchKey') return undefined;
      throw error;
    },

    async remove(key) {
      const answer = await askTwice('DELETE', key);
      if (!answer.ok) throw await errorOf(answer);
      await answer.body?.cancel();
    },
  };
}

/** Source: Amazon S3 API Reference, "Error responses". Some services leave the text out, and the status is all there is. */
async function errorOf(answer: Response): Promise<Error> {
  const text = await answer.text();
  const message = /<Message>([^<]*)<\/Message>/.exec(text)?.[1];
  const error = new Error(`The bucket answered ${answer.status}: ${message ?? answer.statusText}`);
  error.name = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? 'Error';
  return error;
}
