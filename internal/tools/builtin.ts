import type { ResizeImage } from "../files/resize.js";
import type { TextReader } from "../files/text-reader.js";
import { listDirTool } from "./list-dir.js";
import { type FindDeps, listFilesTool } from "./list-files.js";
import { readFileTool } from "./read-file.js";
import { searchTextTool } from "./search-text.js";
import {
  checkExecEnvironmentTool,
  listWorkspacesTool,
  type ServerInfoDeps,
  serverInfoTool,
} from "./server-info.js";
import type { Tool } from "./types.js";
import { viewImageTool } from "./view-image.js";

export interface BuiltinDeps extends ServerInfoDeps, FindDeps {
  readonly reader: TextReader;
  readonly resize: ResizeImage;
  /** False leaves view_image out. */
  readonly viewImage: boolean;
}

/** Every tool of the product, in the order of `tools/list`. */
export function builtinTools(deps: BuiltinDeps): readonly Tool[] {
  const tools = [
    serverInfoTool(deps),
    listWorkspacesTool(),
    checkExecEnvironmentTool(deps),
    readFileTool(deps),
    listDirTool(deps),
    listFilesTool(deps),
    searchTextTool(deps),
  ];
  return deps.viewImage ? [...tools, viewImageTool(deps)] : tools;
}
