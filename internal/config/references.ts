import { dirname } from "node:path";
import type { Path } from "./document.js";
import { keyName } from "./explain.js";
import { expandPath } from "./paths.js";
import type { ResolveContext } from "./resolve.js";

/** Reads the fields in which `${env:NAME}` is replaced. Each returns undefined after reporting a problem. */
export interface References {
  /** A path field: references, `~` and relative paths resolved to an absolute path. */
  path(at: Path, text: string | undefined): string | undefined;
  /** A field that holds one reference and nothing else. */
  value(at: Path, text: string | undefined): string | undefined;
}

/** References against `context.env`; an unset or empty variable is a problem, never an empty string. */
export function createReferences(context: ResolveContext): References {
  function value(at: Path, text: string | undefined): string | undefined {
    let usable = text !== undefined;
    const replaced = text?.replace(
      /\$\{(?:env:([A-Za-z_][A-Za-z0-9_]*)\}|[^}]*\}?)/g,
      (reference, name?: string) => {
        const found = name === undefined ? undefined : context.env[name];
        if (found) return found;
        usable = false;
        if (name === undefined) {
          context.problem(
            at,
            `${keyName(at)} holds ${reference}, which is no reference`,
            `write \${env:NAME}`,
          );
        } else {
          context.problem(
            at,
            `${keyName(at)} needs the environment variable ${name}, which is not set`,
            `set ${name}`,
          );
        }
        return "";
      },
    );
    return usable ? replaced : undefined;
  }

  function path(at: Path, text: string | undefined): string | undefined {
    const replaced = value(at, text);
    if (replaced === undefined) return undefined;
    if (replaced.includes("\0")) return void context.problem(at, `${keyName(at)} holds a NUL character`);
    if (/^~[^/]/.test(replaced)) {
      return void context.problem(
        at,
        `${keyName(at)} begins with ~, which stands for your own home only`,
        "write ~/ or the full path",
      );
    }
    return expandPath(replaced, { home: context.home, base: dirname(context.file) });
  }

  return { path, value };
}
