import type { Root } from "../workspace/root.js";
import type { WriteDir, WritePlace } from "../workspace/write.js";

/** The directories one call works in, each opened once. */
export interface Places {
  /** Where the file at `path` stands or would stand. Faults as of `Root`. */
  open(path: string): WritePlace;
  /** The directory of `place`, made where it is missing; each one made is reported to `onMade` first. */
  directoryOf(place: WritePlace): WriteDir;
  closeAll(): void;
}

export function createPlaces(root: Root): Places {
  const dirs = new Map<string, WriteDir>();

  /** The directory already open under the same path, else this one. */
  function shared(dir: WriteDir): WriteDir {
    const known = dirs.get(dir.path);
    if (known === undefined) {
      dirs.set(dir.path, dir);
      return dir;
    }
    dir.close();
    return known;
  }

  return {
    open(path) {
      const place = root.openPlace(path);
      return { ...place, dir: shared(place.dir) };
    },
    directoryOf({ dir, missing }) {
      let here = dir;
      for (const name of missing) {
        here = dirs.get(join(here.path, name)) ?? shared(here.openDir(name));
      }
      return here;
    },
    closeAll() {
      for (const dir of dirs.values()) dir.close();
      dirs.clear();
    },
  };
}

/** The path of a child, relative to the root. */
export function join(dir: string, name: string): string {
  return dir === "." ? name : `${dir}/${name}`;
}
