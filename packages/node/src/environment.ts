/** Runs `body` with environment variables set, and puts them back. */
export async function withEnvironment<Result>(
  values: Readonly<Record<string, string>>,
  body: () => Promise<Result>,
): Promise<Result> {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  try {
    return await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
