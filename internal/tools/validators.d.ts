import type { ArgumentValidators } from "./arguments.js";

/** Written at build time by scripts/compile-schemas.ts from each tool's input schema; fills in defaults. */
export declare const validators: ArgumentValidators;
