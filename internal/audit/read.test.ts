import { rmSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { segmentsIn } from "./files.js";
import { makeShelf } from "./journal.test.util.js";
import { readAudit } from "./read.js";

test("a file that is pruned while it is the turn of the one before is passed over", async () => {
  const shelf = makeShelf();
  try {
    const journal = shelf.open({ maxBytes: () => 150 });
    for (const event of ["first", "second", "third"]) journal.append({ event });
    journal.close();
    const [, second = ""] = segmentsIn(shelf.dir);
    const seen: string[] = [];
    for await (const { event } of readAudit(shelf.dir)) {
      seen.push(event);
      rmSync(second, { force: true });
    }
    assert.equal(seen, ["first", "third"]);
  } finally {
    shelf.remove();
  }
});

test.run();
