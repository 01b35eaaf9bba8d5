import { errnoOf, Fault } from "../errs/errs.js";
import { quote, systemFault } from "./faults.js";
import { nearby } from "./nearby.js";
import type { WantedPath } from "./path.js";
import type { Pin, Platform } from "./platform.js";

/** Links followed for one path, as the kernel's own limit. */
const maxLinks = 40;
/** Steps taken for one path; keeps `a/../a/..` and links to long texts from costing more than some milliseconds. */
const maxSteps = 1000;

/** A part of the way still to go, and the link whose text it comes from. */
interface Part {
  readonly name: string;
  readonly link: string | undefined;
}

/**
 * Finds what stands at `wanted` without ever letting the kernel follow a link: the text of a link is read and
 * resolved here, each step under the root. The result is never a link. The caller releases it.
 */
export function walk(platform: Platform, wanted: WantedPath): Pin {
  if (wanted.names.length > 0 && !wanted.names.includes("..")) {
    const straight = platform.pinStraight(wanted.names.join("/"));
    if (straight !== undefined) return straight;
  }
  const { root } = platform;
  let here = root;
  let links = 0;
  const pending = partsOf(wanted.names, undefined);

  function moveTo(next: Pin): void {
    if (here !== root) platform.release(here);
    here = next;
  }

  try {
    for (let steps = 0; ; steps++) {
      const part = pending.pop();
      if (part === undefined) return here === root ? platform.pinChild(root, ".") : here;
      if (steps === maxSteps)
        throw new Fault("INVALID_ARGUMENT", `${quote(wanted.text)} takes too many steps`);
      // The part before it was seen to be a directory, since this one was still to go.
      if (part.name === ".") continue;
      if (part.name === "..") {
        if (here === root) throw outside(wanted.text, part.link);
        // The parent is looked up again from the root: if the directory was moved meanwhile, its new parent has no say.
        pending.push(...partsOf(here.path.split("/").slice(0, -1), undefined));
        moveTo(root);
        continue;
      }
      const next = child(platform, here, part, wanted.text);
      if (next.stat.isSymbolicLink()) {
        platform.release(next);
        if (++links > maxLinks) {
          throw new Fault(
            "INVALID_ARGUMENT",
            `${quote(wanted.text)} leads through more than ${maxLinks} links`,
          );
        }
        const text = linkText(platform, here, part);
        if (text === undefined) {
          pending.push(part);
          continue;
        }
        const target = belowRoot(platform, text, next.path);
        if (target.absolute) moveTo(root);
        pending.push(...partsOf(target.names, next.path));
        continue;
      }
      moveTo(next);
      if (pending.length > 0 && !next.stat.isDirectory()) {
        throw new Fault("NOT_A_DIRECTORY", `${quote(next.path)} in ${quote(wanted.text)} is not a directory`);
      }
    }
  } catch (error) {
    moveTo(root);
    throw systemFault(error, wanted.text);
  }
}

/** Parts in the order they are popped. */
function partsOf(names: readonly string[], link: string | undefined): Part[] {
  return names.map((name) => ({ name, link })).reverse();
}

function child(platform: Platform, parent: Pin, part: Part, text: string): Pin {
  try {
    return platform.pinChild(parent, part.name);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    const via = part.link === undefined ? "" : `, where the link ${quote(part.link)} leads,`;
    throw new Fault("NOT_FOUND", `${quote(text)}${via} does not exist`, {
      hint: nearby(platform, parent, part.name),
      cause: error,
    });
  }
}

/** The text of the link just seen; undefined when it has been replaced meanwhile, so that it is looked at again. */
function linkText(platform: Platform, parent: Pin, part: Part): string | undefined {
  try {
    return platform.readLink(parent, part.name);
  } catch (error) {
    if (errnoOf(error) === "EINVAL") return undefined;
    throw error;
  }
}

/** Where link text leads, seen from the link's directory or, for absolute text below the root, from the root. */
function belowRoot(platform: Platform, text: string, link: string): { absolute: boolean; names: string[] } {
  const names = text.split("/").filter((name) => name !== "" && name !== ".");
  // A text that ends like this leads to a directory or nowhere; see path_resolution(7).
  if (/\/\.?$/.test(text)) names.push(".");
  if (!text.startsWith("/")) return { absolute: false, names };
  for (const base of [platform.path, platform.given]) {
    const start = base.split("/").filter((name) => name !== "");
    if (start.every((name, i) => names[i] === name))
      return { absolute: true, names: names.slice(start.length) };
  }
  throw escapes(link);
}

function outside(text: string, link: string | undefined): Fault {
  if (link !== undefined) return escapes(link);
  return new Fault("PATH_OUTSIDE_WORKSPACE", `${quote(text)} leads outside the workspace`);
}

function escapes(link: string): Fault {
  return new Fault("SYMLINK_ESCAPE", `the link ${quote(link)} leads outside the workspace`, {
    hint: "access is denied to what lies outside; use paths inside the workspace",
  });
}
