/** Written at build time by scripts/compile-schemas.ts from `configSchema`, so that no schema compiler is loaded at start. */

export interface SchemaError {
  /** JSON pointer of the value that is wrong. */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export declare const validateConfig: {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
};
