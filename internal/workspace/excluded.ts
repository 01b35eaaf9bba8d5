/**
 * Names of folders that hold generated or foreign content. Listing and searching leave them out, at any depth,
 * unless the caller asks for ignored entries.
 */
export const excludedNames: readonly string[] = [
  ".git",
  ".reference",
  "node_modules",
  "target",
  "dist",
  "build",
  ".venv",
  "venv",
  ".tox",
  ".mypy_cache",
  ".pytest_cache",
  ".ruff_cache",
  "__pycache__",
];
