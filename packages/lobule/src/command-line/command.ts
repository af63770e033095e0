import type { Option } from "./option.js";
export type Options = Readonly<Record<string, Option>>;

/** `micro-batch` in a program is microBatch. */
export type Camel<Name> = Name extends `${infer Head}-${infer Rest}` ? `${Head}${Capitalize<Camel<Rest>>}` : Name;

/** What a command gets: the value of each option and positional argument. */
export type Values<Given extends Options> = {
  readonly [Name in keyof Given as Camel<Name>]: Given[Name] extends Option<infer Value> ? Value : never;
};

/** How to begin, and what it is for. */
export type Example = readonly [words: string, what: string];

/** Something that the program does, with what it takes. */
export interface Command {
  /** One word, or two such as "data info". */
  readonly name: string;
  /** None for what the program itself starts. */
  readonly describe: string | undefined;
  /** In order; the last one may take several words, and all but required ones may be left out. */
  readonly positionals: Options;
  readonly options: Options;
  readonly examples: readonly Example[];
  /** Whether the processes that a launcher such as mpirun started do it together; otherwise it is refused there. */
  readonly together: boolean;
  /** @param values as {@link Values} of its options and positionals. */
  readonly run: (values: Readonly<Record<string, unknown>>, given: ReadonlySet<string>) => Promise<void>;
}

interface Definition<Positionals extends Options, Given extends Options> {
  readonly name: string;
  readonly describe?: string;
  readonly positionals?: Positionals;
  readonly options?: Given;
  readonly examples?: readonly Example[];
  /** False by default. */
  readonly together?: boolean;
  /** @param given names of the options and positionals that were given, as they are declared. */
  readonly run: (values: Values<Positionals & Given>, given: ReadonlySet<string>) => Promise<void>;
}

export const command = <
  const Positionals extends Options = Record<never, never>,
  const Given extends Options = Record<never, never>,
>({
  name,
  describe,
  positionals,
  options,
  examples = [],
  together = false,
  run,
}: Definition<Positionals, Given>): Command => ({
  name,
  describe,
  examples,
  together,
  positionals: positionals ?? {},
  options: options ?? {},
  // The parser makes one value of each option by its own reader.
  run: (values, given) => run(values as Values<Positionals & Given>, given),
});

export const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
