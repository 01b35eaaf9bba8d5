/** A validation function that scripts/compile-schemas.ts made from a JSON schema. */
export interface SchemaValidator {
  (value: unknown): boolean;
  errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null;
}

/** `validate` as a state file takes it: the path of the first wrong value and what it must be, never the value. */
export function checkedBy(validate: SchemaValidator): (value: unknown) => string | undefined {
  return (value) => {
    if (validate(value)) return undefined;
    const { instancePath = "", message = "is wrong" } = validate.errors?.[0] ?? {};
    return `${instancePath.slice(1) || "it"} ${message}`;
  };
}

/**
 * The JSON schema of an object with all the properties of `T`; the compiler sees to it that none is forgotten. Keys it
 * does not name are allowed, so that a program can add some without ending what an earlier one can read.
 */
export function recordOf<T extends object>(properties: Readonly<Record<keyof T & string, object>>): object {
  return { type: "object", required: Object.keys(properties), properties };
}
