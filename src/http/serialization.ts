import fastJson, { type Schema } from 'fast-json-stringify';

/**
 * A writer of answers by their schema. What may be null is `anyOf: [schema, null]` in the contract, and of `anyOf` the
 * writer validates every value to know which of the two it is; told in its own word for it, it looks whether it is null,
 * and writes what is not as it writes what never is: by its type, unvalidated. Made once for all operations and services
 * that share the schema.
 */
export function writerOf(schema: object): Writer {
  let writer = writers.get(schema);
  if (writer === undefined) {
    writer = fastJson(withNullable(schema) as Schema);
    writers.set(schema, writer);
  }
  return writer;
}

type Writer = (value: unknown) => string;

const writers = new WeakMap<object, Writer>();

/**
 * The schema with `nullable: true` for each choice between null and a schema of one type. Beneath any other choice nothing
 * is changed: there values are validated, and to the validator `nullable` says less.
 */
export function withNullable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withNullable);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { anyOf, ...rest } = schema as { anyOf?: unknown };
  const chosen = Array.isArray(anyOf) && anyOf.length === 2 && isNull(anyOf[1]) ? anyOf[0] : undefined;
  if (typeof chosen?.type === 'string' && chosen.anyOf === undefined) {
    return { ...rest, ...(withNullable(chosen) as object), nullable: true };
  }
  if (anyOf !== undefined) return schema;
  return Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, withNullable(part)]));
}

function isNull(schema: { type?: unknown }): boolean {
  return schema.type === 'null';
}
