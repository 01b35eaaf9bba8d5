import { test } from "uvu";
import * as assert from "uvu/assert";
import { closest } from "./suggest.js";

test("a misspelling finds its word, another word finds none", () => {
  const words = ["profile", "listen", "hostname", "id", "path", "state_dir"];
  const rows: [string, string | undefined][] = [
    ["profil", "profile"],
    ["porfile", "profile"],
    ["PROFILE", "profile"],
    ["lisetn", "listen"],
    ["hostnames", "hostname"],
    ["pth", "path"],
    ["ids", "id"],
    ["statedir", "state_dir"],
    ["", undefined],
    ["colour", undefined],
    ["xyz", undefined],
  ];
  for (const [word, expected] of rows) assert.is(closest(word, words), expected, word);
  assert.is(closest("a", []), undefined);
  assert.is(closest("abd", ["abc", "abd", "abe"]), "abd");
});

test.run();
