import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { openRoot, type Root } from "./root.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "walk-")));
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

test("any path in any tree of folders and links is inside or refused, as the kernel resolves it", () => {
  const name = fc.constantFrom("a", "b", "c");
  const part = fc.constantFrom("a", "b", "c", "..", ".", "");
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
  const target = fc.oneof(
    path,
    path.map((text) => `/ROOT/${text}`),
    fc.constantFrom("/", "..", "../..", "../../out", "/OUT", "/ROOT", "/ROOT/.."),
  );
  const node = fc.record({
    at: fc.array(name, { minLength: 1, maxLength: 3 }),
    kind: fc.constantFrom("dir", "file", "link" as const),
    target,
  });
  const tree = fc.array(node, { maxLength: 12 });
  let inside = 0;
  fc.assert(
    fc.property(tree, fc.array(path, { minLength: 1, maxLength: 8 }), (nodes, paths) => {
      const home = fs.mkdtempSync(join(base, "p-"));
      const top = join(home, "root");
      plant(home, top, nodes);
      const root = openRoot(top);
      for (const wanted of paths) inside += agreesWithKernel(root, top, wanted) ? 1 : 0;
      root.close();
      fs.rmSync(home, { recursive: true });
    }),
    { numRuns: 300 },
  );
  assert.ok(inside > 100, `only ${inside} paths led anywhere`);
});

test("a link whose text ends in a slash leads to a folder or nowhere, as for the kernel", () => {
  const home = fs.mkdtempSync(join(base, "slash-"));
  const top = join(home, "root");
  const linkTo = (name: string, target: string) => ({ at: [name], kind: "link", target });
  plant(home, top, [
    { at: ["file"], kind: "file", target: "" },
    { at: ["dir"], kind: "dir", target: "" },
    linkTo("file-slash", "file/"),
    linkTo("file-dot", "file/."),
    linkTo("via", "file-plain/"),
    linkTo("file-plain", "file"),
    linkTo("dir-slash", "dir/"),
    linkTo("top", "/ROOT/"),
  ]);
  const root = openRoot(top);
  const leading = ["file-slash", "file-dot", "via", "file-plain", "dir-slash", "top"].filter((name) =>
    agreesWithKernel(root, top, name),
  );
  root.close();
  assert.equal(leading, ["file-plain", "dir-slash", "top"]);
});

interface Planted {
  readonly at: readonly string[];
  readonly kind: string;
  readonly target: string;
}

function plant(home: string, top: string, nodes: readonly Planted[]): void {
  fs.mkdirSync(top);
  fs.mkdirSync(join(home, "out/a"), { recursive: true });
  fs.writeFileSync(join(home, "out/b"), "");
  for (const { at, kind, target } of nodes) {
    const path = join(top, ...at);
    try {
      if (kind === "dir") fs.mkdirSync(path, { recursive: true });
      else if (kind === "file") fs.writeFileSync(path, "", { flag: "wx" });
      else fs.symlinkSync(target.replace("/ROOT", top).replace("/OUT", join(home, "out")) || ".", path);
    } catch {
      // Its place is taken, or its folder is missing.
    }
  }
}

/** True when both reach the same place. Fails when ours reaches what the kernel does not, or anything outside. */
function agreesWithKernel(root: Root, top: string, wanted: string): boolean {
  let ours: { path: string } | Fault;
  try {
    ours = root.resolve(wanted);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    ours = error;
  }
  let theirs: string | undefined;
  try {
    theirs = fs.realpathSync.native(`${top}/${wanted}`);
  } catch {
    theirs = undefined;
  }
  if (ours instanceof Fault) {
    // Refused though it exists inside: only what is no path of ours, or left the root on its way.
    const isInside = theirs !== undefined && `${theirs}/`.startsWith(`${top}/`);
    const reasons = ["SYMLINK_ESCAPE", "PATH_OUTSIDE_WORKSPACE", "ABSOLUTE_PATH_DENIED", "INVALID_ARGUMENT"];
    if (isInside) assert.ok(reasons.includes(ours.code), `${wanted}: ${ours.code}`);
    return false;
  }
  assert.is(theirs, join(top, ours.path));
  return true;
}

test.run();
