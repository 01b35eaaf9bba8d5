import { isUtf8 } from "node:buffer";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
} from "yaml";

/** Place of a value in the tree: keys and array indexes from the root. */
export type Path = readonly (string | number)[];

export interface Position {
  /** Both start at 1; columns count UTF-16 units. */
  readonly line: number;
  readonly col: number;
}

/** What is wrong at one position of the text. */
interface Finding extends Position {
  readonly message: string;
  readonly hint?: string;
}

/** A parsed YAML text that knows where everything stands. */
export interface ConfigDocument {
  /** Faults of the text itself. */
  readonly findings: readonly Finding[];
  /** False when the text is too broken for its value to be looked at. */
  readonly readable: boolean;
  readonly value: unknown;
  /** Where the value at `path` stands, or the nearest thing around it that is there. */
  valueAt(path: Path): Position;
  /** Where the last key of `path` stands. */
  keyAt(path: Path): Position;
}

/**
 * Reads YAML 1.2 and reports every fault of syntax at once. Anchors, aliases and tags are refused: no setting needs
 * them, and they would let a value stand somewhere else than where it is reported.
 */
export function readDocument(bytes: Uint8Array): ConfigDocument {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  const lines = new LineCounter();
  const tree = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    stringKeys: true,
  });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), col: Math.max(col, 1) };
  };
  const findings: Finding[] = [];
  if (!isUtf8(bytes)) {
    findings.push({ ...at(Math.max(text.indexOf("\uFFFD"), 0)), message: "the file is not UTF-8 text" });
  }
  for (const error of tree.errors)
    findings.push({ ...at(error.pos[0]), ...syntaxWords(error.code, error.message) });
  for (const { offset, what, hint } of indirections(tree))
    findings.push({ ...at(offset), message: what, hint });
  return {
    findings,
    ...plainValue(tree),
    valueAt: (path) => at(valueOffset(tree, path)),
    keyAt: (path) => at(keyOffset(tree, path) ?? valueOffset(tree, path)),
  };
}

/** After a syntax error the tree is a guess, and an alias without its anchor or used too often has no value. */
function plainValue(tree: Document): Pick<ConfigDocument, "readable" | "value"> {
  if (tree.errors.some(({ code }) => code !== "DUPLICATE_KEY")) return { readable: false, value: undefined };
  try {
    return { readable: true, value: tree.toJS() };
  } catch {
    return { readable: false, value: undefined };
  }
}

function syntaxWords(code: string, message: string): { message: string; hint?: string } {
  if (code === "DUPLICATE_KEY")
    return { message: "this key stands here a second time", hint: "keep one of the two" };
  if (code === "MULTIPLE_DOCS") return { message: "a second document begins here", hint: "keep only one" };
  return { message: message.charAt(0).toLowerCase() + message.slice(1) };
}

interface Indirection {
  readonly offset: number;
  readonly what: string;
  readonly hint: string;
}

function indirections(tree: Document): Indirection[] {
  const found: Indirection[] = [];
  visit(tree, {
    Node(_key, node) {
      const offset = node.range?.[0] ?? 0;
      const hint = "write the value itself";
      if (isAlias(node)) found.push({ offset, what: `alias *${node.source} is not allowed`, hint });
      else if (node.anchor) found.push({ offset, what: `anchor &${node.anchor} is not allowed`, hint });
      if (node.tag) found.push({ offset, what: `tag ${node.tag} is not allowed`, hint: "remove the tag" });
    },
  });
  return found;
}

/** Offset of the value at `path`; of its key when the value is empty, of the nearest parent when it is missing. */
function valueOffset(tree: Document, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? tree.contents : tree.getIn(path.slice(0, length), true);
    if (!isNode(node)) continue;
    const empty = isScalar(node) && node.source === "";
    return (empty ? keyOffset(tree, path.slice(0, length)) : undefined) ?? node.range?.[0] ?? 0;
  }
  return 0;
}

function keyOffset(tree: Document, path: Path): number | undefined {
  const parent = path.length === 1 ? tree.contents : tree.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(
    (item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1),
  );
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}
