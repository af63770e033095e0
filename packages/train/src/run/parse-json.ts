import { z } from "zod";

/** JSON that fits a schema. @throws Error saying what in `what` does not fit. */
export function parseJson<T>(text: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${what} is not JSON`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue === undefined || issue.path.length === 0 ? "" : ` at '${z.core.toDotPath(issue.path)}'`;
  throw new Error(`${what} is not as expected${path}: ${issue?.message}`);
}
