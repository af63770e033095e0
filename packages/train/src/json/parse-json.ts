import { DataError, parseJsonText, settingProblem, settingSchemaOf } from "@lobule/data";
import { z } from "zod";

/** JSON that fits a schema. @throws DataError saying what in `what` does not fit. */
export const parseJson = <T>(text: string, schema: z.ZodType<T>, what: string): T =>
  fitJson(parseJsonText(text, what), schema, what);

/** A JSON value that fits a schema. @throws DataError saying what in `what` does not fit. */
export function fitJson<T>(value: unknown, schema: z.ZodType<T>, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, problem } = settingProblem(result.error, value, settingSchemaOf(schema));
  const place = path.length === 0 ? "" : ` at '${z.core.toDotPath([...path])}'`;
  throw new DataError(`${what} is not as expected${place}: it ${problem}`);
}
