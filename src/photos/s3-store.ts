import type { Readable } from 'node:stream';
import type { PhotoStore } from './photo-store.ts';

/** A bucket of any service that speaks S3, and the key that may write, read and delete in it. */
export interface Bucket {
  endpoint: string;
  region: string;
  bucket: string;
  keyId: string;
  secret: string;
}

/** Photos in a bucket. The library is loaded only where one is used, for it takes longer to load than the service. */
export async function s3Store({ endpoint, region, bucket, keyId, secret }: Bucket): Promise<PhotoStore> {
  const { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId: keyId, secretAccessKey: secret },
    // Bucket names as host names need a certificate for each, which a service in a county's own rooms seldom has.
    forcePathStyle: true,
    // Many of those services know nothing of the newer checksums; the content's length and the signature are checked.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
    maxAttempts: 2,
  });

  return {
    async put(key, bytes) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ContentType: 'image/jpeg' }));
    },

    async get(key) {
      try {
        return (await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body as Readable;
      } catch (error) {
        if ((error as Error).name === 'NoSuchKey') return undefined;
        throw error;
      }
    },

    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
  };
}
