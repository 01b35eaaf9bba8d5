import type { SchemaValidator } from "../state/schema-check.js";

/** Written at build time by scripts/compile-schemas.ts from the schemas beside each kind of state. */
export declare const validateOAuthState: SchemaValidator;
export declare const validateSigningKeys: SchemaValidator;
export declare const validateOwnerPassword: SchemaValidator;
